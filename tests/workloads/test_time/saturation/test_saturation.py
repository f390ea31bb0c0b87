"""Curves are really sampled, pilots share no sample with what they are held against, nothing is gold."""

import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Self

import numpy as np
import pytest

from adabench.harness.contract.card import Card, Knob, Point
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.harness.store import used_artefacts
from adabench.workloads.test_time.saturation.conformance import check
from adabench.workloads.test_time.saturation.methods import beta_mixture, geometric, last_value
from adabench.workloads.test_time.saturation.substrate.pilot_curves import (
    GROUPS,
    HELD_OUT,
    OFFERED,
    Curve,
    Forecast,
    Pilot,
    PilotSales,
    Points,
)
from adabench.workloads.test_time.saturation.task import CARD, load
from adabench.workloads.test_time.saturation.truth import curve_task, sampled_answers
from adabench.workloads.test_time.saturation.truth.curve_task import PILOT, SCORED, CurveTask
from adabench.workloads.test_time.saturation.truth.sampled_answers import SampledAnswers
from adabench.workloads.test_time.saturation.truth.success_curves import (
    by_agreement,
    grade,
    hit,
    observed_saturation,
    success,
    vote,
)
from adabench.workloads.test_time.substrate.saturation_law import Prior, saturation_point
from tests.workloads.planted_module import load_module


def answers(stated: tuple[int, ...], right: int = 0) -> SampledAnswers:
    return SampledAnswers("k2", stated, tuple(one == right for one in stated), (9,) * len(stated))


def sales(curve: Curve, shares: tuple[float, ...], epsilon: float = 0.01) -> PilotSales:
    priors = {"graded": Prior(1.0, 1.0), "agreement": Prior(1.0, 1.0)}
    made = PilotSales(epsilon, priors)
    points = {
        n: Points(OFFERED[: i + 1], shares[: i + 1], GROUPS * n) for i, n in enumerate(OFFERED)
    }
    made.enter(curve, Pilot(points, dict.fromkeys(OFFERED, 100)))
    return made


SET = Curve(0, "hit k2", 50, "graded")


@pytest.fixture(scope="module")
def small() -> CurveTask:
    return load("embedded", 0, problems=4, trainings=1)


def test_hit_is_the_share_of_groups_with_a_success() -> None:
    right = (True, False, False, True, False, False)
    for n in range(1, 7):
        groups = list(combinations(right, n))
        assert hit(2, 6, n) == pytest.approx(np.mean([any(group) for group in groups]))


def test_a_vote_is_taken_in_each_group_that_shares_no_sample() -> None:
    # 1 1 0 0 | 2 0 0 -1: the first is a tie that 1 wins, being first; the second is right.
    assert vote(answers((1, 1, 0, 0, 2, 0, 0, -1)), 4) == 0.5
    assert vote(answers((-1, -1)), 2) == 0.0
    assert success("majority", [answers((0, 0)), answers((1, 1))], 2) == 0.5


def test_agreement_grades_nothing() -> None:
    wrong = answers((5, 5, 5, 0, -1, 2))
    assert by_agreement(wrong).right == (True, True, True, False, False, False)
    assert not any(by_agreement(answers((-1, -1))).right)


def test_no_sample_of_a_pilot_is_scored() -> None:
    """Whatever the scored samples are, the pilot is the same, and the other way round."""
    first, other = answers((0,) * (PILOT + SCORED)), answers((1,) * (PILOT + SCORED))
    mixed = SampledAnswers(
        "k2", first.stated[:PILOT] + other.stated[PILOT:],
        first.right[:PILOT] + other.right[PILOT:], first.words,
    )  # fmt: skip
    (pure, *_), (both, *_) = (list(curve_task.curves_of_sets([one], 0)) for one in (first, mixed))
    assert pure.pilot == both.pilot
    assert dict(pure.steps)[64] == 1.0
    assert dict(both.steps)[64] == 0.0


def test_samples_that_no_model_drew_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coins of a known p, written as completions, are not in the ledger of the task."""
    task = sampled_answers.source(0, problems=2, large="2", trainings=1).task
    (question, *_) = task.cases()
    with task.session(question) as session:
        (drawn,) = session.fork(session.open(), 1)
        session.decode([drawn])
    monkeypatch.setattr(type(task), "session", lambda self, question: _Coins(drawn.completion[:-1]))
    with pytest.raises(MethodContractError):
        sampled_answers.sample(task, question, 4)


class _Coins:
    """A session that makes up what its samples say."""

    def __init__(self, words: tuple[int, ...]) -> None:
        self.words = words

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def open(self) -> None:
        return None

    def fork(self, _: None, count: int) -> list[SimpleNamespace]:
        return [SimpleNamespace(completion=self.words) for _ in range(count)]

    def decode(self, leaves: list[SimpleNamespace]) -> None:
        return None

    def answer(self, completion: tuple[int, ...]) -> int:
        return len(completion)

    def offer(self, completion: tuple[int, ...]) -> None:
        return None


def test_curves_are_those_of_the_samples_of_chain(small: CurveTask) -> None:
    drawn = sampled_answers.source(0, problems=4, large="2,4", trainings=1).test(PILOT + SCORED)
    groups = [curve.case.group for curve in small.curves]
    assert groups == ["hit k2", "majority k2", "hit k4", "majority k4"]
    own = [one.part(PILOT, PILOT + SCORED) for one in drawn if one.group == "k2"]
    assert dict(small.curves[0].steps)[16] == success("hit", own, 16)
    rates = [np.mean(one.right) for one in own]
    assert 0 < np.mean(rates) < 1, "a policy that is always right shows nothing"
    assert len({one.stated[:8] for one in drawn}) > 1


def test_single_questions_are_told_graded_or_by_agreement() -> None:
    task = load("embedded", 0, problems=4, unit="question", trainings=1)
    assert [curve.case.group for curve in task.curves] == ["graded"] * 4 + ["agreement"] * 4
    for told, agreed in zip(task.curves[:4], task.curves[4:], strict=True):
        assert told.steps == agreed.steps
        assert agreed.pilot.points[8].shares[0] >= told.pilot.points[8].shares[0]


def test_hit_is_never_called_accuracy() -> None:
    assert not any("accuracy" in metric.name for metric in CARD.metrics)


def test_what_is_bought_is_charged_whatever_was_bought_before() -> None:
    task = sales(SET, (0.4, 0.5, 0.6, 0.7))
    assert task.buy(SET, 2).samples == (1, 2)
    assert task.meter["pilot_samples"] == 2 * GROUPS * 50
    task.buy(SET, 8)
    assert task.meter["pilot_samples"] == 10 * GROUPS * 50


def test_another_curve_and_held_out_points_are_not_for_sale() -> None:
    task = sales(SET, (0.4, 0.5, 0.6, 0.7))
    with pytest.raises(MethodContractError, match="not the one"):
        task.buy(replace(SET, index=1), 2)
    with pytest.raises(SelectionError, match="up to 16"):
        task.buy(SET, 16)
    assert max(OFFERED) < min(HELD_OUT)


@pytest.mark.parametrize(
    "forecast",
    [
        (0.1, 0.2, 0.3),
        Forecast((0.1, 0.2), 3),
        Forecast((0.1, 0.2, 1.2), 3),
        Forecast((0.1, 0.2, math.nan), 3),
        Forecast((0.1, 0.2, 0.3), -1),
    ],
)
def test_what_is_no_forecast_is_refused(forecast: object) -> None:
    with pytest.raises(MethodContractError, match="Return a Forecast"):
        sales(SET, (0.4, 0.5, 0.6, 0.7)).account(SET, forecast)


def test_the_geometric_law_recovers_itself() -> None:
    shares = tuple(0.8 * (1 - 0.7**n) for n in OFFERED)
    forecast = geometric.solve(sales(SET, shares), SET, geometric.CARD.defaults)
    assert forecast.shares == pytest.approx([0.8 * (1 - 0.7**n) for n in HELD_OUT], abs=1e-3)
    assert forecast.n_star == saturation_point(0.3, 0.01, 0.8)


def test_on_unlike_questions_the_geometric_law_says_too_little_and_the_mixture_does_not() -> None:
    """Half of the questions at p = 0.6, half at 0.06: no data, only the reason for the rival."""
    truth = [float(np.mean([1 - (1 - p) ** n for p in (0.6, 0.06)])) for n in (*OFFERED, *HELD_OUT)]
    shares = tuple(truth[: len(OFFERED)])
    law = geometric.solve(sales(SET, shares), SET, geometric.CARD.defaults)
    mixed = beta_mixture.solve(sales(SET, shares), SET, beta_mixture.CARD.defaults)
    off, less = (np.array(one.shares) - truth[len(OFFERED) :] for one in (law, mixed))
    assert (off < -0.05).all()
    assert np.abs(less).max() < np.abs(off).max() / 2


def test_one_question_gets_no_ceiling_of_its_own() -> None:
    one = Curve(0, "graded", 1, "graded")
    shares = (0.25, 0.25, 0.25, 0.25)  # a fitted ceiling would say flat at once
    forecast = geometric.solve(sales(one, shares), one, geometric.CARD.defaults)
    p = Prior(1.0, 1.0).mean(8, 32)
    assert forecast.shares[-1] == pytest.approx(1 - (1 - p) ** 64)
    assert forecast.n_star == saturation_point(p, 0.01)


def test_a_forecast_is_held_against_the_curve() -> None:
    steps = [(0, 0.0), (1, 0.4), (2, 0.5), (4, 0.5), (8, 0.6), (16, 0.7), (32, 0.8), (64, 0.9)]
    found = grade(Forecast((0.7, 0.82, 0.94), 5), steps, 0.01)
    assert found["error"] == pytest.approx(0.02)
    assert found["within"] == 0.0
    assert found["bias_64"] == pytest.approx(0.04)
    assert found["r2"] == pytest.approx(1 - 0.002 / 0.02)
    assert grade(Forecast((0.7, 0.82, 0.92), 5), steps, 0.01)["within"] == 1.0


def test_later_steps_of_a_curve_count_that_is_flat_for_a_while() -> None:
    assert observed_saturation([(0, 0.0), (1, 0.4), (2, 0.4), (4, 0.5), (8, 0.5)], 0.01) == 4
    assert observed_saturation([(0, 0.0), (1, 0.005), (2, 0.01)], 0.01) == 0


HONEST = """
from adabench.workloads.test_time.saturation.substrate.pilot_curves import Forecast
def solve(task, curve, point):
    {line}
    last = task.buy(curve, {bought}).shares[-1]
    return Forecast((last, last, last), 3)
"""


def planted(tmp_path: Path, line: str = "pass", bought: str = "point['largest']") -> ModuleType:
    return load_module(tmp_path / "planted.py", HONEST.format(line=line, bought=bought))


LARGEST = Card(title="x", knobs=(Knob("largest", (8,), 8),))


def test_an_honest_predictor_is_clean(tmp_path: Path) -> None:
    assert not list(check(planted(tmp_path), LARGEST))


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("task.meter.clear()", "meter"),
        ("curve = task._case", "_case"),
        ("later = task._pilot.points[8]", "_pilot"),
        ("from adabench.workloads.test_time.saturation.truth import success_curves", "truth"),
    ],
)
def test_a_predictor_that_peeks_is_named(tmp_path: Path, line: str, word: str) -> None:
    assert any(word in problem for problem in check(planted(tmp_path, line), LARGEST))


def test_a_forecast_from_points_that_were_not_bought_is_found(tmp_path: Path) -> None:
    peek = "vars_ = [v for v in task.__dict__.values() if hasattr(v, 'points')]; task.n = vars_[0]"
    module = planted(tmp_path, peek)

    def solve(task: PilotSales, curve: Curve, point: Point) -> Forecast:
        last = task._pilot.points[8].shares[-1] if task._pilot else 0.0
        return Forecast((last, last, last), 3)

    module.solve = solve  # type: ignore[attr-defined]
    problems = list(check(module, LARGEST))
    assert "its forecast changes with points that it did not buy" in problems


def test_trivial_and_lawful_forecasts_buy_alike() -> None:
    for method in (geometric, beta_mixture, last_value):
        task = sales(SET, (0.4, 0.5, 0.6, 0.7))
        method.solve(task, SET, {**method.CARD.defaults, "largest": 8})
        assert task.meter["pilot_samples"] == 8 * GROUPS * 50


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ({"unit": "sets"}, "unit cannot be"),
        ({"policy": "lm-none"}, "There is no policy"),
        ({"large": "8"}, "large cannot be"),
    ],
)
def test_conditions_that_are_none_are_refused(conditions: dict[str, str], sentence: str) -> None:
    with pytest.raises(SelectionError, match=sentence):
        load("embedded", 0, problems=4, **conditions)


def test_records_name_the_policy_that_was_sampled(small: CurveTask) -> None:
    case, oracle = small.curves[0].case, small.oracle_substrate()
    where = small.substrate()
    where.enter(case, small.environment(case))
    used_artefacts.forget()  # as before each measured solve, after a case was entered
    where.buy(case, 2)
    assert list(used_artefacts.digests()) == ["lm-s-orders-s0"]
    oracle.enter(case, small.oracle_environment(case))
    used_artefacts.forget()
    oracle.look()
    assert list(used_artefacts.digests()) == ["lm-s-orders-s0"]

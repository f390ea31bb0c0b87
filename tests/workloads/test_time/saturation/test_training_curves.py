"""Trainings as curves: what is bought of them, where they end, and laws that recover themselves."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.contract.drawing import check_picture
from adabench.harness.contract.variants import bound, variant_card
from adabench.harness.errors import MissingAbility, SelectionError
from adabench.harness.store import used_artefacts
from adabench.workloads.shared.training import reward_curve
from adabench.workloads.shared.training.reward_curve import CurvePoint
from adabench.workloads.test_time.chain.recipes import NO_RECIPES, SUCCESSORS
from adabench.workloads.test_time.saturation.drawing import picture
from adabench.workloads.test_time.saturation.methods import geometric, measured_curve, sigmoid
from adabench.workloads.test_time.saturation.substrate.least_squares import falling_fit
from adabench.workloads.test_time.saturation.substrate.pilot_curves import Forecast, PilotSales
from adabench.workloads.test_time.saturation.task import (
    check_conditions,
    load,
    missing_abilities,
)
from adabench.workloads.test_time.saturation.truth import training_curves
from adabench.workloads.test_time.saturation.truth.curve_task import CurveTask
from adabench.workloads.test_time.saturation.truth.training_curves import training_files

QUESTIONS, TOTAL = 1000, 1_000_000


def logistic(words: float) -> float:
    """Rise from .3 to .7, half of it at 300,000 words."""
    return 0.3 + 0.4 / (1 + (300_000 / words) ** 2) if words else 0.3


def power(words: float) -> float:
    return 0.8 - 0.4 * (words / 100_000) ** -0.5 if words else 0.3


def write(
    folder: Path, law: Callable[[float], float], name: str = "mine", evaluations: int = 20
) -> Path:
    points = [
        CurvePoint(
            words=TOTAL * k // evaluations, samples=100 * k, updates=k, flops=k, cpu_s=float(k), drift=0.0,
            share=0.5, reward=0.5, bits=np.arange(QUESTIONS) < QUESTIONS * law(TOTAL * k / evaluations),
        )
        for k in range(evaluations + 1)
    ]  # fmt: skip
    path = folder / f"{name}{reward_curve.SUFFIX}"
    reward_curve.write(path, points)
    return path


def rl(path: Path) -> CurveTask:
    return load("embedded", 0, unit="rl", data=str(path))


def forecast(task: CurveTask, percent: int, variant: str = "") -> tuple[float, PilotSales]:
    """Return the error of a forecast, and the substrate that sold what it rests on."""
    (case,) = task.cases()
    card = sigmoid.CARD
    if variant:
        card = variant_card(card, next(one for one in card.variants if one.name == variant))
    where = task.substrate()
    where.enter(case, task.environment(case))
    answer = bound(sigmoid, card).solve(where, case, {**card.defaults, "percent": percent})
    return task.judge(case, where.account(case, answer))["error"], where


def test_an_end_is_the_mean_of_the_last_tenth(tmp_path: Path) -> None:
    task = rl(write(tmp_path, logistic))
    (case,) = task.cases()
    assert case.held_out == (950_000,)
    expected = np.mean([logistic(words) for words in (900_000, 950_000, 1_000_000)])
    assert task.judge(case, Forecast((0.5,), 0))["end"] == pytest.approx(expected, abs=1e-3)
    assert task.judge(case, Forecast((0.5,), 0))["bias_end"] == pytest.approx(
        0.5 - expected, abs=1e-3
    )
    oracle = task.oracle_substrate()
    oracle.enter(case, task.oracle_environment(case))
    told = measured_curve.solve(oracle, case, {})
    assert task.judge(case, told)["error"] == 0.0
    assert oracle.meter["generated"] == TOTAL


@pytest.mark.parametrize(("percent", "evaluations"), [(25, 6), (50, 11), (75, 16)])
def test_what_is_bought_is_a_part_and_costs_what_was_generated_until_then(
    tmp_path: Path, percent: int, evaluations: int
) -> None:
    task = rl(write(tmp_path, logistic))
    (case,) = task.cases()
    where = task.substrate()
    where.enter(case, task.environment(case))
    bought = where.buy(case, percent)
    assert len(bought.samples) == len(bought.shares) == evaluations
    assert bought.samples[0] == 0
    assert where.meter == {
        "generated": TOTAL * percent // 100,
        "pilot_samples": 100 * (evaluations - 1),
    }


@pytest.mark.parametrize(
    ("law", "variant", "other"), [(logistic, "", "power_law"), (power, "power_law", "")]
)
def test_a_law_recovers_itself_and_the_other_does_worse(
    tmp_path: Path, law: Callable[[float], float], variant: str, other: str
) -> None:
    task = rl(write(tmp_path, law))
    own, foreign = (forecast(task, 50, name)[0] for name in (variant, other))
    assert own < 0.01
    assert foreign > own


def test_a_curve_that_rises_is_told_better_than_by_its_last_evaluation_or_in_no_order(
    tmp_path: Path,
) -> None:
    task = rl(write(tmp_path, logistic))
    own, last, permuted = (
        forecast(task, 50, name)[0] for name in ("", "last_accuracy", "permuted_time")
    )
    assert own < last / 2
    assert own < permuted / 2
    assert last == pytest.approx(logistic(950_000) - logistic(500_000), abs=0.01)


def test_a_flat_curve_stays_flat(tmp_path: Path) -> None:
    task = rl(write(tmp_path, lambda words: 0.4))
    for name in ("", "power_law", "last_accuracy", "permuted_time"):
        assert forecast(task, 25, name)[0] < 0.005


def test_no_forecast_is_above_one(tmp_path: Path) -> None:
    task = rl(write(tmp_path, lambda words: min(1.0, 0.3 + words / TOTAL)))
    for name in ("", "power_law"):
        assert forecast(task, 25, name)[0] <= 1.0


def test_a_fall_is_fitted_with_its_ceiling() -> None:
    shapes = np.arange(1.0, 7.0) ** -np.array([[0.5], [1.0], [2.0]])
    row, ceiling, fall = falling_fit(shapes, 0.75 - 0.3 * shapes[1], np.linspace(0, 1, 101))
    assert row == 1
    assert (ceiling, fall) == pytest.approx((0.75, 0.3))


def test_seeds_are_trainings_and_each_recipe_gives_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_curves, "FOLDER", tmp_path)
    monkeypatch.setattr(training_curves, "CURVES", tmp_path / "curves")
    (tmp_path / "curves").mkdir()
    for base, many in SUCCESSORS.items():
        for k in range(many):
            write(tmp_path / ("curves" if k else ""), logistic, f"{base}-s{k}")
    for seed, own in ((0, 0), (3, 3), (9, 9), (7001, 1), (7010, 0)):
        expected = {
            f"{base}-s{own}"
            for base, many in SUCCESSORS.items()
            if base not in NO_RECIPES and own < many
        }
        assert training_files(seed).keys() == expected
    groups = [case.group for case in load("embedded", 7002, unit="rl").cases()]
    assert len(set(groups)) == len(groups) > 10
    assert {"grpo", "scale-rl-stale", "dapo"} <= set(groups)
    for path in tmp_path.rglob("*-s4.curve.json"):
        path.unlink()
    with pytest.raises(SelectionError, match="no curve of training 4"):
        training_files(14)


def test_a_picture_is_of_the_curve_that_is_recorded_and_its_fit_passes_through_it(
    tmp_path: Path,
) -> None:
    conditions = {"unit": "rl", "data": str(write(tmp_path, logistic))}
    drawn = check_picture(picture("embedded", 0, conditions) or pytest.fail("nothing is drawn"))
    task = load("embedded", 0, unit="rl", data=conditions["data"])
    assert task.judge(next(task.cases()), Forecast((0.5,), 0))["instance"] == drawn.instance
    low, high, _, law, fitted, others = drawn.panels[0].marks
    assert (len(fitted.places), len(others.places)) == (10, 11)
    for (_, below), (_, above), (words, value) in zip(
        low.places, high.places, law.places, strict=True
    ):
        assert value == pytest.approx(logistic(1e6 * words), abs=0.02)
        assert below <= value + 0.01 <= above + 0.02
    assert picture("embedded", 0, {"unit": "set"}) is None


def test_records_name_the_trainings_that_forecasts_rest_on(tmp_path: Path) -> None:
    used_artefacts.forget()
    forecast(rl(write(tmp_path, logistic)), 25)
    assert list(used_artefacts.digests()) == ["mine.curve"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: json.dumps({"questions": 1, "points": []}),
        lambda text: "words,accuracy\n0,0.3\n",
        lambda text: text.replace('"words": 1000000', '"words": NaN'),
    ],
)
def test_a_file_that_is_no_whole_curve_is_refused_before_a_run(
    tmp_path: Path, spoil: Callable[[str], str]
) -> None:
    path = write(tmp_path, logistic)
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(SelectionError) as refused:
        check_conditions({"unit": "rl", "data": str(path)})
    assert refused.value.hint


def test_a_curve_of_few_evaluations_and_data_of_another_unit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="has 6 evaluations"):
        check_conditions({"unit": "rl", "data": str(write(tmp_path, logistic, evaluations=5))})
    with pytest.raises(SelectionError, match="unit=set reads none"):
        check_conditions({"data": str(write(tmp_path, logistic))})


def test_samples_of_a_training_and_shares_of_samples_are_not_for_sale(tmp_path: Path) -> None:
    assert missing_abilities({"unit": "rl"}).keys() == {"answers"}
    assert (
        missing_abilities({}).keys()
        == missing_abilities({"unit": "question"}).keys()
        == {"trainings"}
    )
    task = rl(write(tmp_path, logistic))
    (case,) = task.cases()
    where = task.substrate()
    where.enter(case, task.environment(case))
    with pytest.raises(MissingAbility):
        geometric.solve(where, case, geometric.CARD.defaults)

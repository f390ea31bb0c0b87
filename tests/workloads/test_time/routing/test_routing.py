"""Routes are held against responses that nobody learned from, newcomers are unknown until they are asked."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Scalar
from adabench.harness.errors import MethodContractError
from adabench.harness.store import used_artefacts
from adabench.workloads.test_time.routing.conformance import check
from adabench.workloads.test_time.routing.methods import irt_router
from adabench.workloads.test_time.routing.substrate.calibration_desk import (
    NOBODY,
    CalibrationDesk,
    QuestionSet,
    Routes,
)
from adabench.workloads.test_time.routing.task import CARD, load
from adabench.workloads.test_time.routing.truth.held_out import (
    EASY_LEVEL,
    RoutingTask,
    correlation,
    grade,
    hypervolume,
    splits_of,
    within,
)
from adabench.workloads.test_time.substrate.configurations import Configuration, ResponseTable
from adabench.workloads.test_time.substrate.item_response import fit as fit_one
from adabench.workloads.test_time.substrate.item_response import sigmoid, with_ones
from tests.workloads.planted_module import load_module

SEEDS = range(5)


@pytest.fixture(scope="module")
def small() -> RoutingTask:
    return load("embedded", 0, questions=200, repeats=1)


def method_of(name: str) -> ModuleType:
    return registry.load(registry.find(f"routing/{name}"))


def desk_of(task: RoutingTask, case: QuestionSet) -> CalibrationDesk:
    desk = task.substrate()
    desk.enter(case, task.environment(case))
    return desk


def graded(name: str, task: RoutingTask, case: QuestionSet, **knobs: Scalar) -> Mapping[str, float]:
    method, desk = method_of(name), desk_of(task, case)
    if method.CARD.role == "oracle":
        desk = task.oracle_substrate()
        desk.enter(case, task.oracle_environment(case))  # type: ignore[arg-type]
    routes = method.solve(desk, case, {**method.CARD.defaults, **knobs})
    return {**task.judge(case, desk.account(case, routes)), **desk.meter}


def rows_of(states: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in states}


def test_no_held_out_question_is_learned_from_and_five_seeds_hold_out_all() -> None:
    tasks = [load("embedded", seed) for seed in SEEDS]
    for task in tasks:
        for split in task.splits:
            assert not rows_of(split.calibration.states) & rows_of(split.held_out.states)
    files = {Path(file).read_bytes() for task in tasks for file in task.artefacts.values()}
    assert len(files) == len(tasks), "each of its own responses"
    folds = [rows_of(splits_of(seed, 0, 1)[0].held_out.states) for seed in SEEDS]
    assert len(set.union(*folds)) == sum(map(len, folds))
    again = rows_of(splits_of(5, 0, 1)[0].held_out.states)
    assert again not in folds


def test_out_of_distribution_is_harder_than_all_that_is_learned_from() -> None:
    for seed in SEEDS:
        (split,) = [one for one in load("embedded", seed).splits if one.case.group == "out"]
        assert split.calibration.levels.max() == EASY_LEVEL
        assert split.held_out.levels.min() > EASY_LEVEL


def test_each_configuration_is_a_newcomer_once(small: RoutingTask) -> None:
    added = [case.newcomer for case in small.cases() if case.group == "added"]
    assert added == list(range(9))


def test_newcomers_come_again_and_other_dice_fall_for_them() -> None:
    task = load("embedded", 0, questions=200, repeats=2)
    first, again = (case for case in task.cases() if case.newcomer == 4)
    abilities = [
        graded("response_model", task, case, order="random")["ability"] for case in (first, again)
    ]
    assert abilities[0] != abilities[1]


def test_of_a_newcomer_nothing_is_known_but_what_was_asked(small: RoutingTask) -> None:
    case = list(small.cases())[4]
    desk = desk_of(small, case)
    table = desk.responses()
    for column in (table.right, table.flops, table.generated):
        assert np.isnan(column[:, case.newcomer]).all()
        assert np.isfinite(np.delete(column, case.newcomer, axis=1)).all()
    assert desk.meter["responses"] == 160 * 8
    reply = desk.ask(7)
    truth = small.environment(case)
    assert (reply.right, reply.flops) == (
        truth.right[7, case.newcomer],
        truth.flops[7, case.newcomer],
    )
    assert (desk.meter["responses"], desk.meter["asked"]) == (160 * 8 + 1, 1)


def test_a_case_holds_no_response_and_nothing_that_says_how_hard(small: RoutingTask) -> None:
    for case in small.cases():
        assert set(vars(case)) == {"index", "group", "states", "newcomer", "seed"}
        assert case.states.shape[1] == 64


def test_nobody_is_asked_where_all_are_known(small: RoutingTask) -> None:
    case, *_, last = small.cases()
    with pytest.raises(MethodContractError, match="Nobody new"):
        desk_of(small, case).ask(0)
    with pytest.raises(MethodContractError, match="question 160"):
        desk_of(small, last).ask(160)


@pytest.mark.parametrize(
    "routes",
    [
        "no routes",
        Routes(np.zeros((2, 3), np.intp)),
        Routes(np.full((1, 40), 9)),
        Routes(np.zeros((1, 40))),
        Routes(np.zeros((1, 40), np.intp), np.full(40, np.nan)),
        Routes(np.zeros((1, 40), np.intp), ability=float("inf")),
    ],
)
def test_what_are_no_routes_are_refused(small: RoutingTask, routes: object) -> None:
    case = next(small.cases())
    with pytest.raises(MethodContractError, match="no Routes of its 40 questions"):
        desk_of(small, case).account(case, routes)


def test_a_hypervolume_is_the_area_that_points_dominate() -> None:
    assert hypervolume(np.array([[0.5, 0.8]])) == pytest.approx(0.4)
    assert hypervolume(np.array([[0.5, 0.8], [0.1, 0.5]])) == pytest.approx(0.4 * 0.5 + 0.5 * 0.8)
    assert hypervolume(np.array([[0.5, 0.8], [0.6, 0.3]])) == pytest.approx(0.4), "dominated"
    assert hypervolume(np.array([[0.0, 1.0]])) == 1.0


def toy_table() -> ResponseTable:
    right = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    flops = np.array([[1.0, 10.0]] * 4)
    names = (Configuration("a@1", "policy", 1), Configuration("b@1", "large", 1))
    return ResponseTable(names, np.zeros((4, 1)), np.full(4, 10.0), right, flops, flops)


def test_routes_are_graded_by_what_the_chosen_ones_answered_and_cost() -> None:
    cheap, dear, mixed = [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 1]
    found = grade(Routes(np.array([cheap, dear, mixed])), toy_table())
    assert found["price_at_90"] == pytest.approx(31 / 40)
    assert found["saved_at_90"] == pytest.approx(9 / 40)
    assert found["hypervolume"] == pytest.approx(0.25 * (0.775 - 0.1) + 0.225)
    assert grade(Routes(np.array([cheap])), toy_table())["price_at_90"] == 1.0


def test_a_correlation_within_levels_takes_the_level_out() -> None:
    levels = np.repeat([0.0, 3.0, 7.0], 20)
    generator = np.random.default_rng(0)
    wrong = levels + generator.random(60)
    assert correlation(levels, wrong) > 0.9
    assert within(levels, wrong, levels) == 0.0
    assert within(wrong, wrong, levels) == pytest.approx(1.0)


def test_the_hypervolume_is_above_the_random_pairs_in_five_of_five_splits() -> None:
    for seed in SEEDS:
        task = load("embedded", seed)
        case = next(task.cases())
        ours, pair, oracle = (
            graded(name, task, case)["hypervolume"]
            for name in ("response_model", "coin_pair", "cheapest_right")
        )
        assert pair < ours < oracle


def test_adaptive_testing_asks_twelve_per_cent_and_pays_for_them(small: RoutingTask) -> None:
    case = list(small.cases())[5]
    for order in ("informative", "random"):
        found = graded("response_model", small, case, order=order)
        assert found["asked"] == 19
        assert found["responses"] == 160 * 8 + 19
        assert found["ability_error"] == pytest.approx(
            abs(found["ability"] - found["ability_full"])
        )


def test_all_questions_asked_tell_the_ability_by_all(small: RoutingTask) -> None:
    case = list(small.cases())[6]
    assert graded("response_model", small, case, asked=1.0)["ability_error"] == pytest.approx(
        0, abs=1e-6
    )


def test_fewer_responses_are_looked_at_where_only_a_share_is_asked_for(small: RoutingTask) -> None:
    case = next(small.cases())
    assert graded("response_model", small, case, share=0.2)["responses"] == 32 * 9
    assert graded("response_model", small, case)["responses"] == 160 * 9


def test_the_responses_are_noted(small: RoutingTask) -> None:
    used_artefacts.forget()
    case = next(small.cases())
    assert case.newcomer == NOBODY
    desk_of(small, case).responses()
    assert set(used_artefacts.digests()) == {"radar-responses-orders-s0"}
    used_artefacts.forget()


def planted(tmp_path: Path, body: str) -> ModuleType:
    return load_module(
        tmp_path / "planted.py",
        "import numpy as np\n"
        "from adabench.workloads.test_time.routing.substrate.calibration_desk import Routes\n"
        f"def solve(desk, case, point):\n    table = desk.responses()\n{body}\n"
        "    return Routes(np.full((1, len(case.states)), place))\n",
    )


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("    place = int(case.group == 'in')", "the name of a question set's group"),
        ("    place = int(desk._table.right[:, 2].sum() > 0)", "_table"),
        ("    place = int(getattr(desk, '_ta' + 'ble').right[:, 2].sum() > 20)", "getattr"),
        (
            "    place = int(desk.__class__.__mro__[1]._open(desk)[1].right[:, 2].sum() > 20)",
            "did not ask",
        ),
    ],
)
def test_a_router_that_peeks_is_named(tmp_path: Path, body: str, problem: str) -> None:
    broken = list(check(planted(tmp_path, body), Card(title="x")))
    assert any(problem in sentence for sentence in broken), broken


def test_an_honest_router_is_clean(tmp_path: Path) -> None:
    assert not list(check(planted(tmp_path, "    place = 1"), Card(title="x")))


def test_every_metric_of_the_card_is_given(small: RoutingTask) -> None:
    cases = list(small.cases())
    found = {
        **graded("response_model", small, cases[0]),
        **graded("response_model", small, cases[3]),
    }
    assert set(found) == {metric.name for metric in CARD.metrics}
    assert replace(cases[0], group="x").group == "x"


def test_several_abilities_tell_kinds_of_questions_apart_and_one_cannot() -> None:
    """Two configurations, each right on another half: only a second ability sees it."""
    generator = np.random.default_rng(0)
    states = generator.normal(size=(600, 3))
    is_first = states[:, 0] > 0
    right = np.stack((is_first, ~is_first), axis=1).astype(np.float64)
    rows = with_ones(states)
    lines, difficulty, abilities = irt_router.fit(rows, right, 2)
    chances = sigmoid(rows @ lines @ abilities.T - (rows @ difficulty)[:, None])
    assert (chances.argmax(axis=1) == right.argmax(axis=1)).mean() > 0.9
    alone = fit_one(states, right).chances(states)
    assert (alone.argmax(axis=1) == right.argmax(axis=1)).mean() < 0.7


def test_a_newcomers_abilities_are_found_from_its_answers() -> None:
    generator = np.random.default_rng(1)
    sharpness = generator.normal(size=(3000, 2))
    truth = np.array([0.8, -0.4])
    right = (generator.random(3000) < sigmoid(sharpness @ truth)).astype(np.float64)
    found = irt_router.newcomer(sharpness, np.zeros(3000), right, np.zeros(2))
    assert found == pytest.approx(truth, abs=0.15)

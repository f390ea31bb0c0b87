"""The gates of a task on tables whose answers are known."""

import numpy as np
import pytest

from adabench.harness.analysis import gate_table
from adabench.harness.analysis.claims.room_gate import no_room
from adabench.harness.analysis.gate_table import Arm, GateTable
from adabench.harness.contract.card import (
    Bound,
    Card,
    Claim,
    Gap,
    Gates,
    Knob,
    Ratio,
)
from adabench.harness.contract.task_gates import GateRow

GAP = Gap(mixture=("cheap", "dear"), methods=("router",), oracle="hindsight", room=0.05)
CASES = 1200


def table(*arms: tuple[str, np.ndarray, float], group: np.ndarray, luck: float = 0.0) -> GateTable:
    """Make a table of arms with a quality on every case and one price each; `luck` is the last one's."""
    quality = np.stack([np.asarray(own, float) for _, own, _ in arms], axis=1)
    lucky = np.zeros_like(quality)
    lucky[:, -1] = quality[:, -1] * luck
    work = np.tile([price for _, _, price in arms], (len(group), 1))
    names = [Arm(name, {}) for name, _, _ in arms]
    return GateTable(names, quality, lucky, work, group, len(group))


def two_kinds() -> tuple[np.ndarray, np.ndarray]:
    """Return the groups of cases, an easy and a hard one, and coins."""
    generator = np.random.default_rng(0)
    return np.arange(CASES) % 2, generator.random(CASES)


def test_room_is_the_lead_over_the_best_static_at_no_more_work() -> None:
    group, coin = two_kinds()
    found = table(
        ("cheap", coin < 0.3, 1.0), ("dear", coin < 0.5, 4.0), ("beyond", coin < 0.99, 9.0),
        ("hindsight", coin < 0.8, 5.0), group=group,
    )  # fmt: skip
    row = gate_table.room(GAP, found, 3, ["hindsight"], {})
    assert (row.word, row.oracle, row.methods) == ("passes", "hindsight", ("router",))
    assert row.figure == pytest.approx(0.3, abs=0.03)
    assert "dear" in row.says
    assert row.low is not None
    assert row.low < row.figure


def test_an_oracle_below_every_static_price_is_held_to_the_cheapest() -> None:
    group, coin = two_kinds()
    arms = (("cheap", coin < 0.3, 2.0), ("dear", coin < 0.9, 4.0), ("hindsight", coin < 0.8, 1.0))
    row = gate_table.room(GAP, table(*arms, group=group), 2, ["hindsight"], {})
    assert row.figure == pytest.approx(0.5, abs=0.03)


def test_luck_makes_no_room() -> None:
    group, coin = two_kinds()
    arms = (("cheap", coin < 0.4, 1.0), ("hindsight", coin < 0.5, 2.0))
    row = gate_table.room(GAP, table(*arms, group=group, luck=0.2), 1, ["hindsight"], {})
    assert (row.word, row.figure) == ("fails", pytest.approx(0.0, abs=0.02))
    assert "luck taken out" in row.says


def test_choosing_by_difficulty_gains_where_the_dear_one_helps_hard_cases_alone() -> None:
    group, coin = two_kinds()
    easy = group == 0
    found = table(
        ("cheap", np.where(easy, coin < 0.9, coin < 0.1), 1.0),
        ("dear", np.where(easy, coin < 0.9, coin < 0.7), 10.0),
        group=group,
    )
    # Half of the way a mixture has 0.65, and the choice 0.8.
    assert gate_table.gain_by_difficulty(found) == pytest.approx(0.15, abs=0.04)
    middle = table(
        ("cheap", np.where(easy, coin < 0.9, coin < 0.1), 1.0),
        ("dear", np.where(easy, coin < 0.9, coin < 0.7), 10.0),
        ("even", np.where(easy, coin < 0.9, coin < 0.3), 6.0),
        group=group,
    )
    assert gate_table.gain_by_difficulty(middle) == pytest.approx(0.2, abs=0.04)
    row = gate_table.strategies(Gates("cheap"), middle, {})
    assert row.word == "passes"


def test_a_dear_one_that_helps_all_cases_alike_leaves_nothing_to_choose() -> None:
    group, coin = two_kinds()
    found = table(("cheap", coin < 0.4, 1.0), ("dear", coin < 0.7, 10.0), group=group)
    assert gate_table.gain_by_difficulty(found) == pytest.approx(0.0, abs=0.02)


def test_noise_alone_gains_nothing() -> None:
    generator = np.random.default_rng(1)
    group = np.arange(CASES) % 8
    arms = [(f"s{i}", (generator.random(CASES) < 0.5), 1.0 + i / 100) for i in range(12)]
    assert abs(gate_table.gain_by_difficulty(table(*arms, group=group))) < 0.02


def test_a_strategy_that_is_best_nowhere_is_named() -> None:
    group, coin = two_kinds()
    arms = (("cheap", coin < 0.5, 1.0), ("worse", coin < 0.4, 2.0), ("dear", coin < 0.9, 3.0))
    found = table(*arms, group=group)
    assert gate_table.never_on_front(found, ()) == ["worse"]
    assert gate_table.never_on_front(found, ("cheap", "dear")) == []
    row = gate_table.strategies(Gates("cheap", pool=("worse",)), found, {})
    assert row.word == "fails"
    assert "worse" in row.says


def test_twins_within_their_error_are_on_a_front_together() -> None:
    group, coin = two_kinds()
    twin = (coin < 0.5) ^ (
        np.arange(len(coin)) % 50 == 0
    )  # others of its answers are right, as many
    arms = (("one", coin < 0.5, 1.0), ("twin", twin, 1.01), ("dear", coin < 0.9, 3.0))
    assert gate_table.never_on_front(table(*arms, group=group), ()) == []
    dearer = (*arms[:1], ("twin", (coin < 0.5), 1.1), *arms[2:])
    assert gate_table.never_on_front(table(*dearer, group=group), ()) == ["twin"]
    worse = (*arms[:1], ("twin", coin < 0.4, 1.0), *arms[2:])
    assert gate_table.never_on_front(table(*worse, group=group), ()) == ["twin"]


def test_settings_are_the_strategies_of_a_pool_of_one() -> None:
    quality = np.array([[0.0, 1.0, 0.5]] * 40)
    work = np.array([[1.0, 2.0, 3.0]] * 40)
    arms = [Arm("pool", {"model": name}) for name in ("small", "middle", "large")]
    found = GateTable(arms, quality, 0 * quality, work, np.zeros(40, np.int64), 40)
    assert gate_table.never_on_front(found, ("pool",)) == ["pool(model=large)"]
    assert gate_table.never_on_front(found, ()) == []


def test_a_choice_keeps_to_its_budget_and_is_no_worse_than_the_best_fixed_one() -> None:
    generator = np.random.default_rng(2)
    quality, work = generator.random((4, 9)), generator.random((4, 9))
    shares = np.full(4, 0.25)
    for budget in (0.2, 0.4, 0.6, 0.9):
        chosen = gate_table.choice_within(quality, work, shares, budget)
        fixed = [i for i in range(9) if shares @ work[:, i] <= budget]
        places = np.arange(4)
        if fixed:
            assert shares @ work[places, chosen] <= budget
            best = max(shares @ quality[:, i] for i in fixed)
            assert shares @ quality[places, chosen] >= best


def test_failures_are_counted_by_kind() -> None:
    gates = Gates("cheap", repairs=("arithmetic",))
    kinds = {"": 100, "luck": 5, "arithmetic": 45, "slip": 138}
    row = gate_table.failures(gates, kinds, 288, {})
    assert (row.word, row.figure) == ("fails", pytest.approx(45 / 183))
    assert gate_table.failures(gates, {"arithmetic": 9, "slip": 1}, 10, {}).word == "passes"


@pytest.mark.parametrize(("right", "word"), [(0.1, "fails"), (0.4, "passes"), (0.9, "fails")])
def test_a_saturated_default_fails(right: float, word: str) -> None:
    values = (np.arange(1000) < 1000 * right).astype(float)
    assert gate_table.saturation(Gates("cheap"), values, 1000, {}).word == word


CLAIM = Claim("X-1", "says", "headline", "paper", 2.0, Ratio("work", "cheap", high=1.0))


def reason(claim: Claim = CLAIM, *rows: GateRow, policy: str = "small") -> str:
    """Say whether a claim of `router` has room on a task with these figures."""
    task = Card("task", knobs=(Knob("policy", (policy,), policy, open=True),), shown=rows)
    return no_room(claim, "router", Card("router"), task)


def test_a_failed_gate_closes_published_claims_under_its_conditions() -> None:
    fails = GateRow("failures", "fails", "says", 0.25, 0.8, at={"policy": "small"})
    assert reason(CLAIM, fails).startswith("no room: failures 0.250, bar 0.8")
    assert reason(CLAIM, fails, policy="large") == ""
    assert reason(CLAIM, GateRow("failures", "passes", "says", 0.9, 0.8)) == ""
    assert reason(CLAIM) == ""


def test_the_room_of_an_oracle_closes_the_claims_of_its_methods_alone() -> None:
    other = GateRow("room", "fails", "says", 0.0, 0.01, oracle="o", methods=("search",))
    own = GateRow("room", "fails", "says", 0.0, 0.01, oracle="o", methods=("router", "search"))
    assert reason(CLAIM, other) == ""
    assert reason(CLAIM, own) == "no room: room (o) 0.000, bar 0.01"


@pytest.mark.parametrize(
    "claim",
    [
        Claim("X-2", "says", "own", "", None, Ratio("work", "cheap", high=1.0)),
        Claim("X-3", "says", "headline", "", None, Bound("work", "limit")),
        Claim("X-4", "says", "headline", "", 2.0, Ratio("work", "cheap", high=1.0), scale="gpu"),
    ],
)
def test_what_needs_no_room_is_judged_as_ever(claim: Claim) -> None:
    assert reason(claim, GateRow("failures", "fails", "says", 0.25, 0.8)) == ""

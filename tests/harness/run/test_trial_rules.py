"""What tells a method that remembers from one that draws by chance."""

from dataclasses import replace

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Record
from adabench.harness.run.trial_rules import MethodTrials

ENTRY = registry.find("paging/lru")
COST = next(m.name for m in registry.find("paging").card.metrics if m.role in ("cost", "work"))


def record(value: float) -> Record:
    cell = Cell("paging", "lru", {}, {}, "embedded", 0)
    return Record(cell, "solve", 0, 0, "ok", {COST: value})


def problems(
    monkeypatch: pytest.MonkeyPatch, first: float, backward: float, again: float | None
) -> tuple[list[str], list[str]]:
    """Return what `contract` and `order` say of values of one case; None: it is not solved again."""

    def solved(trials: MethodTrials, order: range) -> dict[int, Record]:
        assert again is not None
        assert list(order) == [0]
        return {0: record(again)}

    monkeypatch.setattr(MethodTrials, "_by_case", solved)
    trials = MethodTrials(ENTRY, {}, {})
    vars(trials).update(_forward=[record(first)], _backward={0: record(backward)})
    return list(trials.contract()), list(trials.order())


@pytest.mark.parametrize(
    ("idle", "cost", "says"),
    [
        (True, 0.0, []),
        (True, 4.0, [f"its card says that it does nothing (idle=), and it has {COST}"]),
        (False, 0.0, ["it has no cost: the substrate counted nothing"]),
        (False, 4.0, []),
    ],
)
def test_who_does_nothing_says_so_and_costs_nothing(
    idle: bool, cost: float, says: list[str]
) -> None:
    entry = replace(ENTRY, card=replace(ENTRY.card, idle=idle))
    trials = MethodTrials(entry, {}, {})
    vars(trials).update(_forward=[record(cost)], _backward={0: record(cost)})
    assert list(trials.contract()) == says


def test_what_is_the_same_in_another_order_is_not_solved_a_third_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert problems(monkeypatch, 4.0, 4.0, None) == ([], [])


def test_a_memory_is_a_matter_of_order_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    contract, order = problems(monkeypatch, 4.0, 5.0, 4.0)
    assert contract == []
    assert order == [f"{COST} of case 0 depends on which cases were solved before"]


def test_chance_breaks_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    contract, _ = problems(monkeypatch, 4.0, 5.0, 6.0)
    assert contract == [f"the same seed gave {COST} = 4.0 and then 6.0"]

"""Who is asked before a run begins, and of what: tasks with sources, and those of needy methods."""

from types import SimpleNamespace

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Ability, Card
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.errors import MissingAbility
from adabench.harness.run.condition_check import check_conditions

CARDS = {
    "chain": Card("a task"),
    "chain/plain": Card("needs nothing"),
    "chain/search": Card("needs a judge", abilities=(Ability("scores"),)),
}


@pytest.fixture
def policies(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The policies that the task was asked about; it lacks a judge for the larger policy."""
    found: list[object] = []

    def missing_abilities(conditions):
        found.append(conditions["policy"])
        return {"scores": ("None.", "Take lm-s.")} if conditions["policy"] == "lm-l" else {}

    task = SimpleNamespace(missing_abilities=missing_abilities)
    monkeypatch.setattr(registry, "find", lambda address: SimpleNamespace(card=CARDS[address]))
    monkeypatch.setattr(registry, "load", lambda entry: task)
    return found


def turn(method: str, policy: str, scale: str = "embedded") -> Turn:
    return Turn(Cell("chain", method, {}, {"policy": policy}, scale, 0), 0)


def test_a_task_is_asked_once_a_set_of_conditions_under_which_a_method_needs_something(policies):
    turns = [
        turn("plain", "lm-s"),
        turn("search", "lm-s"),
        turn("search", "lm-l"),
        turn("plain", "lm-x"),
    ]
    (found,) = check_conditions(turns)
    assert found.methods == ("chain/search",)
    assert (found.why, found.remedy) == ("None.", "Take lm-s.")
    assert policies == ["lm-s", "lm-l"]


def test_a_plan_of_which_nothing_is_left_is_refused_before_it_begins(policies):
    with pytest.raises(MissingAbility, match="chain/search needs scores"):
        check_conditions([turn("search", "lm-l")])


def test_nobody_is_asked_where_nothing_is_needed_or_weights_are_random(policies):
    assert check_conditions([turn("plain", "lm-l"), turn("search", "lm-l", "gpu")]) == ()
    assert policies == []

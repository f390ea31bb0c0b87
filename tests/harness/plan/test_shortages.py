"""What a plan lacks is named before it runs: by ability, with the methods that need it."""

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Ability, Card
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.errors import MissingAbility
from adabench.harness.plan.shortages import Absence, find_shortages

CARDS = {
    "t/plain": Card("needs nothing"),
    "t/search": Card("needs states unless they cost nothing",
                     abilities=(Ability("hidden", unless={"price": 0.0, "cover": 0.0}),)),
    "t/vote": Card("needs samples", abilities=(Ability("samples"), Ability("scores"))),
}  # fmt: skip
HIDDEN: Mapping[str, Absence] = {"hidden": ("m: shows no states.", "Take n.")}


@pytest.fixture(autouse=True)
def cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find", lambda address: SimpleNamespace(card=CARDS[address]))


def turn(method: str, model: str = "m", **point: float) -> Turn:
    return Turn(Cell("t", method, point, {"model": model}, "embedded", 0), 0)


def test_what_is_missing_is_named_once_with_all_that_need_it():
    turns = [turn("plain"), turn("search", price=1.0, cover=2.0), turn("vote"), turn("vote", n=2)]
    absent = HIDDEN | {"samples": ("m: draws nothing.", "Let it draw.")}
    hidden, samples = find_shortages(turns, lambda cell: absent)
    assert str(samples) == ("will be skipped: t/vote needs samples. m: draws nothing. Let it draw.")
    assert hidden.methods == ("t/search (not with price=0.0 or cover=0.0)",)


@pytest.mark.parametrize("point", [{"price": 0, "cover": 2.0}, {"price": 1.0, "cover": 0.0}])
def test_a_setting_that_does_without_an_ability_lacks_nothing(point: dict[str, float]):
    assert find_shortages([turn("search", **point)], lambda cell: HIDDEN) == ()


def test_a_method_of_which_some_settings_run_is_not_called_skipped_as_a_whole():
    turns = [turn("search", price=0.0, cover=1.0), turn("search", price=1.0, cover=1.0)]
    (found,) = find_shortages(turns, lambda cell: HIDDEN)
    assert found.methods == ("t/search (at some settings, not with price=0.0 or cover=0.0)",)


def test_a_plan_of_which_nothing_is_left_is_refused_with_what_would_give_it():
    with pytest.raises(MissingAbility) as refused:
        find_shortages([turn("search", price=1.0, cover=1.0)], lambda cell: HIDDEN)
    assert "t/search (not with price=0.0 or cover=0.0) needs hidden" in refused.value.message
    assert refused.value.hint == "Take n."
    assert refused.value.exit_code == 3


def test_each_set_of_conditions_has_what_its_own_model_gives():
    turns = [turn("search", "m", price=1.0), turn("search", "n", price=1.0)]
    (found,) = find_shortages(turns, lambda cell: HIDDEN if cell.conditions["model"] == "m" else {})
    assert found.methods == ("t/search (at some settings, not with price=0.0 or cover=0.0)",)


def test_a_point_that_a_model_cannot_have_is_named_with_its_method():
    turns = [turn("plain", n=1), turn("plain", n=2), turn("vote")]
    found = find_shortages(
        turns,
        lambda cell: {},
        lambda cell: ("m: too shallow.", "Deepen it.") if cell.point.get("n") == 1 else None,
    )
    assert [str(one) for one in found] == [
        "will be skipped: t/plain (at some settings) needs another setting. m: too shallow. Deepen it."
    ]

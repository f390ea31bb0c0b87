"""Plans: a star of settings, checked values, methods interleaved within repeats."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.harness.contract.card import Card, Knob, OnTask
from adabench.harness.contract.record import Turn
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import SelectionError
from adabench.harness.plan.grid import check_names, check_value, plan, select_settings

RATE = Knob("rate", (0.0, 0.5, 1.0), 0.5, open=True, low=0.0, high=1.0)
KIND = Knob("kind", ("a", "b"), "a")
WIDTH = Knob("width", (1, 2, 4), 2)
TASK = Entry("t", "t", Path(), Card("t", knobs=(RATE, KIND)))
METHODS = [Entry(f"t/{name}", name, Path(), Card(name, knobs=(WIDTH,))) for name in "abcd"]


def test_the_default_is_a_star_around_the_defaults() -> None:
    settings = select_settings(TASK, METHODS[0]).settings
    assert settings[0] == ({"width": 2}, {"rate": 0.5, "kind": "a"})
    assert len(settings) == 1 + 2 + 1 + 2
    away = [sum((p["width"] != 2, c["rate"] != 0.5, c["kind"] != "a")) for p, c in settings]
    assert max(away) == 1


def test_fixed_pins_and_swept_multiplies() -> None:
    pinned = select_settings(TASK, METHODS[0], fixed={"rate": "0.25"}).settings
    assert {conditions["rate"] for _, conditions in pinned} == {0.25}
    product = select_settings(
        TASK, METHODS[0], swept={"rate": ["0", "1"], "width": ["1", "4"]}
    ).settings
    assert len(product) == 4
    assert {type(point["width"]) for point, _ in product} == {int}
    assert len(select_settings(TASK, METHODS[0], star=False).settings) == 1


@pytest.mark.parametrize("value", ["nan", "inf", "-0.1", "1.5", "", "much"])
def test_a_number_out_of_bounds_is_refused_with_the_range(value: str) -> None:
    with pytest.raises(SelectionError) as refused:
        check_value(RATE, value)
    assert "0.0, 0.5, 1.0" in refused.value.hint


def test_a_closed_knob_takes_its_values_only() -> None:
    assert check_value(KIND, "b") == "b"
    with pytest.raises(SelectionError):
        check_value(KIND, "c")
    with pytest.raises(SelectionError):
        check_value(WIDTH, "3")
    with pytest.raises(SelectionError):
        check_value(WIDTH, "2.5")


def test_a_closed_knob_that_a_task_sweeps_less_takes_its_other_values_all_the_same() -> None:
    card = Card("m", knobs=(KIND, RATE), tasks=("t",), on_task={"t": OnTask({"kind": ("b",)})})
    method = Entry("t/m", "m", Path(), card.on("t"))
    task = Entry("t", "t", Path(), Card("t"))
    swept = {point["kind"] for point, _ in select_settings(task, method).settings}
    assert swept == {"b"}
    ((point, _),) = select_settings(task, method, fixed={"kind": "a"}, star=False).settings
    assert point["kind"] == "a"
    with pytest.raises(SelectionError) as refused:
        select_settings(task, method, fixed={"kind": "c"})
    assert "Known: a, b." in refused.value.hint


def test_an_unknown_knob_names_the_nearest() -> None:
    with pytest.raises(SelectionError) as refused:
        check_names(["rat"], [(TASK, METHODS[0])])
    assert "rate" in refused.value.hint


def test_repeats_lie_outside_methods_and_the_order_differs_between_them() -> None:
    turns = plan([select_settings(TASK, m, star=False) for m in METHODS], seeds=(0,), repeats=6)
    rounds = [turns[4 * r : 4 * r + 4] for r in range(6)]
    for number, members in enumerate(rounds):
        assert {turn.repeat for turn in members} == {number}
        assert {turn.cell.method for turn in members} == set("abcd")
    assert len({tuple(turn.cell.method for turn in members) for members in rounds}) > 1


def test_a_task_is_loaded_once_for_all_methods() -> None:
    turns = plan([select_settings(TASK, m) for m in METHODS], seeds=(0, 1))
    blocks = [(t.cell.seed, tuple(sorted(t.cell.conditions.items()))) for t in turns]
    changes = sum(a != b for a, b in itertools.pairwise(blocks))
    assert changes == len(set(blocks)) - 1


def test_a_task_takes_its_own_seeds_where_none_are_named() -> None:
    """In one plan with a task that says nothing, and no other ones than those that somebody names."""
    trained = Entry("u", "u", Path(), Card("u", seeds=5))
    wishes = [select_settings(task, METHODS[0], star=False) for task in (TASK, trained)]

    def seeds(turns: tuple[Turn, ...]) -> dict[str, list[int]]:
        return {name: [t.cell.seed for t in turns if t.cell.task == name] for name in ("t", "u")}

    assert seeds(plan(wishes)) == {"t": [0, 1, 2], "u": [0, 1, 2, 3, 4]}
    assert seeds(plan(wishes, seeds=(7,))) == {"t": [7], "u": [7]}
    with pytest.raises(SelectionError, match="8 runs"):
        plan(wishes, most=7)


@given(st.permutations(range(4)), st.integers(1, 3))
def test_a_plan_does_not_depend_on_the_order_of_wishes(order: list[int], repeats: int) -> None:
    wishes = [select_settings(TASK, METHODS[i]) for i in range(4)]
    straight = _named(plan(wishes, seeds=(0, 1), repeats=repeats))
    permuted = _named(plan([wishes[i] for i in order], seeds=(0, 1), repeats=repeats))
    assert set(permuted) == set(straight)
    assert len(set(straight)) == len(straight)


def _named(turns: tuple[Turn, ...]) -> list[tuple[str, int]]:
    return [(turn.cell.key, turn.repeat) for turn in turns]

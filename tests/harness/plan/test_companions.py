"""Who selects an adaptive method gets what it is measured between."""

from dataclasses import replace

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.record import Turn
from adabench.harness.run.run_request import RunRequest, plan_turns


def methods(turns: tuple[Turn, ...]) -> set[str]:
    return {turn.cell.method for turn in turns}


def of(*select: str, **more: object) -> tuple[Turn, ...]:
    return plan_turns(RunRequest(select, seeds="0", **more))  # type: ignore[arg-type]


def test_a_method_brings_the_anchors_of_its_gap_and_the_controls() -> None:
    found = methods(of("ledger/mor", star=False))
    [gap] = [g for g in registry.find("ledger").card.gaps if "mor" in g.methods]
    controls = {
        entry.name for entry in registry.methods("ledger").values() if entry.card.role == "control"
    }
    assert {*gap.mixture, *filter(None, (gap.oracle, gap.coin))} | controls | {"mor"} == found


def test_a_control_of_another_method_stays_away() -> None:
    assert "random_strategy" in methods(of("chain/compute_optimal", star=False))
    assert "random_strategy" not in methods(of("chain/rebase", star=False))


def test_of_the_mixture_every_setting_is_run_and_no_condition_swept() -> None:
    turns = of("ledger/mor", star=False)
    assert len({str(turn.cell.point) for turn in turns if turn.cell.method == "recursive"}) > 1
    assert len({str(turn.cell.conditions) for turn in turns}) == 1


def test_companions_stand_at_what_was_asked_for() -> None:
    turns = of("paging/mark0", star=False, fixed=("slots=50",), swept=("noise=0,0.5",))
    assert {turn.cell.conditions["slots"] for turn in turns} == {50}
    by_method = {turn.cell.method: set() for turn in turns}
    for turn in turns:
        by_method[turn.cell.method].add(turn.cell.conditions["noise"])
    assert all(values == {0.0, 0.5} for values in by_method.values())


def test_statics_alone_bring_nobody_and_nobody_comes_where_a_method_is_to_run_alone() -> None:
    assert methods(of("paging/lru")) == {"lru"}
    assert methods(of("paging/mark0", alone=True)) == {"mark0"}
    assert methods(of("paging/mark0", race_s=5.0)) == {"mark0"}


def test_a_whole_task_is_planned_once() -> None:
    turns = of("paging/*", star=False)
    assert len(turns) == len({(turn.cell.key, turn.repeat) for turn in turns})


def test_a_control_that_is_made_for_other_conditions_stays_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = of("chain/radar", star=False)
    assert {"random_pair", "random_n", "configuration", "radar_oracle"} <= methods(turns)
    known = registry.methods("chain")
    pair = known["chain/random_pair"]
    of_all = replace(pair, card=replace(pair.card, control_of=(), conditions={"large": "2,4"}))
    monkeypatch.setitem(known, "chain/random_pair", of_all)
    monkeypatch.setattr(registry, "methods", lambda task: known)
    assert "random_pair" not in methods(of("chain/ttspm", star=False))
    assert "random_pair" in methods(of("chain/ttspm", star=False, fixed=("large=2,4",)))


def test_a_static_that_is_made_for_other_conditions_stays_away() -> None:
    [*_, gap] = [g for g in registry.find("chain").card.gaps if "beam" in g.methods]
    assert {"held_orders", "surest"} < set(gap.mixture)
    turns = of("chain/beam", star=False)
    assert set(gap.mixture) < methods(turns)
    assert {turn.cell.conditions["format"] for turn in turns} == {"orders"}
    elsewhere = methods(of("chain/beam", star=False, fixed=("format=splits", "trainings=1")))
    assert not {"held_orders", "surest"} & elsewhere

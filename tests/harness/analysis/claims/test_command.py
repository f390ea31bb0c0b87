"""The command that a row names is one that the command line takes."""

import shlex
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from adabench.cli.main import app
from adabench.harness.analysis.claims.command import command, commands
from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.contract import registry
from adabench.harness.contract.card import (
    Card,
    Frontier,
    Knob,
    Monotone,
    OutOfReach,
    Rank,
    Ratio,
    Reach,
)
from adabench.harness.run import condition_check, run_request
from tests.harness.analysis.claims.toy_run import CARDS, TASK, TRUST, claim_of


def evidence(**cards):
    new = Card("New", knobs=(TRUST,))
    return Evidence("toy", TASK, CARDS | {"new": new} | cards, ())


def options(expect, effect=None, units=0, **more):
    """The words of the command for a claim of `new`."""
    return command(claim_of(expect, effect, **more), "new", evidence(), units).split()


def test_it_names_the_rivals_and_what_the_claim_is_told_apart_from():
    own = options(Ratio("faults", ("old", "other")), 0.5)
    assert own[:5] == ["adabench", "run", "toy/new", "toy/old", "toy/other"]
    assert own[5:] == ["--no-sweep", "--alone", "--seeds", "0..4"]
    published = options(Ratio("faults", "old"), 0.5, source="headline")
    assert published[2:6] == ["toy/new", "toy/old", "toy/coin", "toy/fixed"]
    named = options(Ratio("faults", "old"), 0.5, source="headline", apart_from=("other",))
    assert named[2:5] == ["toy/new", "toy/old", "toy/other"]


def test_it_asks_for_as_many_seeds_as_should_decide():
    assert options(Ratio("faults", "old"), 0.5, 12)[-1] == "0..11"


TRAINED = replace(TASK, knobs=(*TASK.knobs, Knob("trainings", (1,), 1, open=True, low=1, high=5)))


def trained(expect, task=TRAINED, cards=(), **more):
    """The words of the command for a claim that trainings decide."""
    known = Evidence("toy", task, CARDS | {"new": Card("New", knobs=(TRUST,))} | dict(cards), ())
    return command(claim_of(expect, 0.5, **more), "new", known, 5, of_trainings=True)


def test_where_trainings_decide_and_are_a_condition_it_asks_for_as_many_as_seeds():
    assert trained(Ratio("faults", "old")).endswith("--set trainings=5 --alone --seeds 0..4")
    assert "trainings" not in trained(Ratio("faults", "old"), task=TASK)
    plain = command(
        claim_of(Ratio("faults", "old"), 0.5), "new", Evidence("toy", TRAINED, CARDS | {
            "new": Card("New", knobs=(TRUST,))}, ()), 5,
    )  # fmt: skip
    assert "trainings" not in plain


def test_no_other_number_of_trainings_is_asked_of_what_is_made_for_one():
    bound = Card("Old", conditions={"trainings": 1})
    assert "trainings" not in trained(Ratio("faults", "old"), cards={"old": bound})
    pinned = trained(Ratio("faults", "old", where={"trainings": 2}))
    assert "--set trainings=2" in pinned
    assert "trainings=5" not in pinned
    left_out = trained(Ratio("faults", "old"), cards={"fixed": replace(bound, role="static")},
                       source="headline")  # fmt: skip
    assert "trainings=5" in left_out
    assert "toy/fixed" not in left_out
    assert "toy/coin" in left_out


def test_it_sets_what_the_claim_pins_and_sweeps_what_differs_between_the_sides():
    pinned = options(Ratio("faults", "old", where={"noise": 1}), 0.5)
    assert "--set noise=1" in " ".join(pinned)
    assert "--no-sweep" in pinned
    there = options(Ratio("faults", "old", where={"noise": 1}, there={"noise": 0.5}), 0.5)
    assert "--sweep noise=1,0.5" in " ".join(there)
    usual = options(Ratio("faults", "old", there={"slots": 40}), 0.5)
    assert "--sweep slots=10,40" in " ".join(usual)


def test_it_sweeps_curves_fronts_and_rivals():
    curve = options(Monotone("faults", over="trust", rising=True, tolerance=1.0))
    assert "--sweep trust=0,1" in " ".join(curve)
    rank = options(Rank("faults", "arms"))
    assert "--sweep arm=a,b,c" in " ".join(rank)
    front = " ".join(options(Frontier("faults", "score", "arms"), 0.1))
    assert "--sweep trust=0,1 --sweep arm=a,b,c --sweep slots=10,20,40" in front
    reach = " ".join(options(Reach("faults", "score", "arms", there={"slots": 40}), 0.5))
    assert "--sweep slots=10,40 --sweep trust=0,1" in reach
    assert "arm=" not in reach


def test_a_front_of_many_knobs_turns_one_at_a_time():
    many = Card("New", knobs=tuple(Knob(f"k{n}", (1, 2, 3, 4), 1) for n in range(4)))
    claim = claim_of(Frontier("faults", "score", "old", where={"noise": 1}), 0.1)
    words = command(claim, "new", evidence(new=many)).split()
    assert "--sweep" not in words
    assert "--no-sweep" not in words
    assert "--set noise=1" in " ".join(words)


def catalogue():
    """A claim of each form of each task's methods, so far as there are any."""
    seen = set()
    for task in registry.tasks().values():
        known = registry.methods(task.name)
        cards = {entry.name: entry.card for entry in known.values()}
        for entry in known.values():
            for claim in entry.card.claims:
                kind = (task.name, type(claim.expect), claim.scale)
                if isinstance(claim.expect, OutOfReach) or kind in seen or entry.problem:
                    continue
                seen.add(kind)
                yield pytest.param(
                    command(claim, entry.name, Evidence(task.name, task.card, cards, ())),
                    id=f"{task.name}-{type(claim.expect).__name__}-{claim.scale}",
                )


@pytest.mark.parametrize("line", list(catalogue()))
def test_every_command_of_the_catalogue_is_taken(line, monkeypatch):
    """By the command line's own parser, down to the plan; what is missing here is no matter of words."""
    taken = []

    def create(out, turns, *rest):
        taken.extend(turns)
        raise Planned

    monkeypatch.setattr(run_request, "create_run", create)
    monkeypatch.setattr(registry, "missing_extras", lambda extras: [])
    monkeypatch.setattr(condition_check, "check_conditions", lambda turns, out=None: ())
    program, *words = shlex.split(line)
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, Planned), result.exception
    assert program == "adabench"
    assert len({turn.cell.seed for turn in taken}) == 5
    assert {turn.cell.address for turn in taken} == {word for word in words if "/" in word}


def test_a_static_that_means_something_else_by_a_swept_name_is_left_out():
    other = Card("Fixed", role="static", knobs=(Knob("trust", (7, 8), 7),))
    claim = claim_of(Ratio("faults", "old", where={"trust": 1}), 0.5, source="headline")
    words = command(claim, "new", evidence(fixed=other)).split()
    assert "toy/fixed" not in words
    assert "toy/coin" in words


RATE = Knob("rate", (0.5,), 0.5, open=True, low=0.1, high=1.0)


@pytest.mark.parametrize(
    ("knob", "value", "taken"),
    [
        (RATE, 0.1, True), (RATE, 1.0, True), (RATE, 0.7, True), (RATE, 0.05, False),
        (RATE, 1.5, False), (RATE, "half", False),
        (Knob("rate", (0.5,), 0.5, open=True), 1e9, True),
        (Knob("rate", (0.5,), 0.5, open=True, low=0.0), -1.0, False),
        (Knob("rate", ("a",), "a", open=True), "other", True),
        (Knob("rate", ("a",), "a", open=True), 1.0, False),
        (Knob("rate", (0.5, 0.7), 0.5), 0.7, True), (Knob("rate", (0.5, 0.7), 0.5), 0.6, False),
    ],
)  # fmt: skip
def test_a_static_comes_along_where_its_knob_can_stand_at_what_is_set(knob, value, taken):
    own = Card("New", knobs=(Knob("rate", (value,), value),))
    fixed = Card("Fixed", role="static", knobs=(knob,))
    claim = claim_of(Ratio("faults", "old", where={"rate": value}), 0.5, source="headline")
    words = command(claim, "new", evidence(new=own, fixed=fixed)).split()
    assert ("toy/fixed" in words) == taken


def test_a_control_that_means_something_else_by_a_set_name_gets_a_command_of_its_own():
    coin = Card("Coin", role="control", knobs=(Knob("trust", (7, 8), 7),))
    where = {"trust": 1, "noise": 1}
    claim = claim_of(Ratio("faults", "old", where=where), 0.5, source="headline")
    first, second = commands(claim, "new", evidence(coin=coin), 7)
    assert "toy/coin" not in first.split()
    assert second == "adabench run toy/coin --no-sweep --set noise=1 --alone --seeds 0..6"
    both = command(claim, "new", evidence(coin=coin), 7)
    assert both == "adabench reproduce T-1 --seeds 0..6"


class Planned(Exception):
    """A plan was made."""

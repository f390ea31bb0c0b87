"""When a claim is looked at, with which bounds, and when it is decided."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.analysis.reproduction import Statement
from adabench.harness.contract.card import Card, Claim, Difference
from adabench.harness.contract.papers import Plan
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.contract.registry import Entry
from adabench.harness.decision import open_claim
from adabench.harness.decision.open_claim import FIRST, OpenClaim
from adabench.harness.stats.bca import Z975
from adabench.harness.stats.group_sequential import bounds

CLAIM = Claim("c-1", "It gains.", "measured", "+0.1", 0.1, Difference("right", "old"))
ENTRY = Entry("toy/new", "toy", Path(), Card("New"))
ROW = ClaimRow(
    "c-1", "toy", "new", "undecided", 0.04, -0.06, 0.14, 0.05, 48, over="cases", needed=800
)


@dataclass
class Scripted:
    """Verdicts in the order in which they are asked for, and the looks at which that was."""

    rows: list[ClaimRow]
    widenings: list[float] = field(default_factory=list)

    def __call__(self, entry, claim, table, look):
        self.widenings.append(look)
        return self.rows.pop(0) if len(self.rows) > 1 else self.rows[0]


class Toy(OpenClaim):
    def turns(self, seeds):
        return tuple(Turn(Cell("toy", "new", {}, {}, "embedded", seed), 0, True) for seed in seeds)


def opened(monkeypatch, *rows):
    script = Scripted([rows[0], *rows])
    monkeypatch.setattr(open_claim, "judge_claim", script)
    return Toy(Statement(ENTRY, CLAIM), ()), script


def records(claim, seeds):
    cells = [turn.cell for turn in claim.turns(range(seeds))]
    return {cell.key: [Record(cell, "solve", 0, 0, "ok", {"right": 1.0})] for cell in cells}


def look(claim, seeds):
    claim.look(range(seeds), records(claim, seeds))


def test_a_first_block_makes_the_plan_and_looks_stand_at_its_fifths(monkeypatch):
    claim, script = opened(monkeypatch, *(replace(ROW, n=n) for n in (48, 176, 352, 528, 704, 864)))
    assert claim.next_look == FIRST
    look(claim, FIRST)
    assert claim.planned == 54, "800 cases and 7 % of them, of 16 a seed"
    seen = [FIRST]
    while claim.is_open:
        seen.append(claim.next_look)
        look(claim, seen[-1])
    assert seen == [3, 11, 22, 33, 44, 54]
    expected = [b / Z975 for b in bounds(tuple(n / 54 for n in seen))]
    assert script.widenings[1:] == pytest.approx(expected)


def test_a_claim_whose_first_block_is_enough_has_one_look(monkeypatch):
    claim, script = opened(monkeypatch, replace(ROW, needed=30, verdict="reproduced"))
    look(claim, FIRST)
    assert (claim.planned, claim.is_open, claim.is_decided) == (FIRST, False, True)
    assert script.widenings[-1] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    "word", ["reproduced", "not reproduced", "contradicted", "does not discriminate"]
)
def test_a_verdict_ends_it_before_its_plan_does(monkeypatch, word):
    claim, _ = opened(monkeypatch, replace(ROW, verdict=word))
    look(claim, FIRST)
    assert claim.is_decided
    assert not claim.is_open


def test_direction_only_is_no_end_while_the_bar_may_be_reached(monkeypatch):
    near = replace(ROW, verdict="direction only", low=0.01, high=0.14)
    claim, _ = opened(monkeypatch, near)
    look(claim, FIRST)
    assert (claim.is_decided, claim.is_open) == (False, True)
    short, _ = opened(monkeypatch, replace(near, high=0.04))
    look(short, FIRST)
    assert short.is_decided, "the bar is excluded"


def test_a_gain_that_may_still_be_worth_having_stays_open_until_its_plan_is_done(monkeypatch):
    row = replace(ROW, verdict="direction only", low=0.005, high=0.03, bar=0.0, needed=100)
    claim, _ = opened(monkeypatch, row, replace(row, n=96), replace(row, n=112))
    claim.statement = Statement(
        ENTRY, replace(CLAIM, effect=None, expect=Difference("right", "old", low=0.0))
    )
    look(claim, FIRST)
    assert (claim.is_decided, claim.is_open) == (False, True)
    while claim.is_open:
        look(claim, claim.next_look)
    assert claim.is_decided, "direction only, with all of the plan"


@pytest.mark.parametrize(("cases", "looks"), [("nested", [3, 5]), ("exchangeable", [3, 5, 15, 30])])
def test_trainings_are_looked_at_at_three_and_five_and_with_further_questions(
    monkeypatch, cases, looks
):
    """On a nested task a further seed is another world of the same training."""
    task = replace(ENTRY, card=Card("Toy", cases=cases))
    monkeypatch.setattr(open_claim.registry, "find", lambda name: task)
    row = replace(ROW, over="trainings", trainings=3)
    claim, _ = opened(monkeypatch, row, *(replace(row, trainings=5) for _ in looks))
    while claim.is_open:
        look(claim, claim.next_look)
    assert claim.looks == looks
    assert claim.planned == looks[-1]
    assert not claim.reason


def test_seeds_of_one_training_are_not_asked_for(monkeypatch):
    task = replace(ENTRY, card=Card("Toy", cases="exchangeable"))
    monkeypatch.setattr(open_claim.registry, "find", lambda name: task)
    claim, _ = opened(monkeypatch, replace(ROW, over="trainings", trainings=1))
    look(claim, 3)
    assert not claim.is_open
    assert "no further trainings" in claim.reason


def test_questions_that_are_at_their_end_are_not_asked_for(monkeypatch):
    claim, _ = opened(monkeypatch, replace(ROW, n=60), replace(ROW, n=60))
    look(claim, 3)
    look(claim, claim.next_look)
    assert not claim.is_open
    assert "all 60 were asked" in claim.reason


def test_a_claim_that_no_size_is_known_of_is_looked_at_further(monkeypatch):
    claim, _ = opened(monkeypatch, replace(ROW, needed=0))
    look(claim, FIRST)
    assert (claim.planned, claim.next_look) == (30, 6)


def test_a_method_without_a_record_is_no_claim(monkeypatch):
    claim, _ = opened(monkeypatch, ROW)
    claim.look(range(3), {})
    assert not claim.is_open
    assert claim.row is None


def test_a_plan_of_the_papers_file_is_what_looks_are_fifths_of(monkeypatch):
    claim, _ = opened(monkeypatch, *(replace(ROW, n=n) for n in (48, 64, 128, 192)))
    claim.plan = Plan("c-1", "cases", 320, 20)
    look(claim, FIRST)
    assert (claim.planned, claim.next_look) == (20, 4), "whatever its first block scatters"
    look(claim, 4)
    assert claim.next_look == 8


def test_a_plan_without_a_size_leaves_it_to_the_first_block(monkeypatch):
    claim, _ = opened(monkeypatch, replace(ROW, n=48), replace(ROW, n=64))
    claim.plan = Plan("c-1", "cases", 0, 0)
    look(claim, FIRST)
    assert claim.planned > FIRST

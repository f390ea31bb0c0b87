"""Who is counted next, who no more, and what a time that ends inside leaves."""

from dataclasses import dataclass, field, replace

import pytest

from adabench.harness.analysis.reproduction import reproduction
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.decision import decision as decision_module
from adabench.harness.decision.decision import Decision, decidable
from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.harness.run.settings import Settings

READS = ("<all cards>",)
"""For tests/suite/dependencies.py."""


@dataclass
class Clock:
    """Time that passes where the test says so."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Coin:
    """A claim that is decided once so many seeds are there."""

    name: str
    enough: int
    planned: int = 0
    cells: tuple[str, ...] = ("new",)
    looks: list[int] = field(default_factory=list)
    row: object = None
    seed_s: float = 0.0
    reason: str = ""
    most: int | None = None
    is_timed: bool = False

    @property
    def is_decided(self):
        return bool(self.looks) and self.looks[-1] >= self.enough

    @property
    def is_open(self):
        if self.reason:
            return False
        return not self.is_decided and (not self.looks or self.looks[-1] < self.planned)

    @property
    def next_look(self):
        coming = 2 if not self.looks else min(self.looks[-1] * 2, self.planned)
        return coming if self.most is None else min(coming, self.most)

    def turns(self, seeds):
        return [
            Turn(Cell("toy", name, {}, {}, "embedded", s), 0, not self.is_timed)
            for name in self.cells
            for s in seeds
        ]

    def look(self, seeds, records):
        assert all(turn.cell.key in records for turn in self.turns(seeds))
        self.looks.append(len(seeds))
        self.row = type("Row", (), {"over": "cases"})()


@pytest.fixture
def counted(monkeypatch):
    """Count in place of processes: a second a turn; the turns in their order."""
    clock, seen = Clock(), []

    def count_turns(turns, settings, limits, *, cores, alone):
        for turn in turns:
            clock.now += 1.0
            seen.append((turn.cell.method, turn.cell.seed))
            yield Record(turn.cell, "solve", 0, 0, "ok", {"right": 1.0})

    def execute(turns, settings, *, limits, alone):
        for turn in turns:
            clock.now += 6.0
            seen.append((turn.cell.method, turn.cell.seed, "timed"))
            yield Record(turn.cell, "solve", 0, 0, "ok", {"right": 1.0, "latency_s": 1.0})

    monkeypatch.setattr(decision_module, "count_turns", count_turns)
    monkeypatch.setattr(decision_module, "execute", execute)
    monkeypatch.setattr(decision_module, "time", clock)
    return seen


def test_a_preparation_at_other_knobs_is_of_the_turn_that_needs_it(monkeypatch, counted):
    """Its knobs at `solve` stand at their defaults, so that its cell is that of no turn."""
    plain = decision_module.count_turns

    def count_turns(turns, *rest, **named):
        for number, record in enumerate(plain(turns, *rest, **named)):
            if number % 2 == 0:
                other = replace(record.cell, point={"N": 16})
                yield Record(other, "prepare", -1, 0, "ok", {})
            yield record

    monkeypatch.setattr(decision_module, "count_turns", count_turns)
    found = decision(Coin("a", 4, planned=4))
    found.run(None)
    assert {len(records) for records in found.records.values()} == {1, 2}
    assert found.claims[0].is_decided


def test_a_preparation_is_never_of_the_turn_before(monkeypatch, counted):
    """It would be judged as a record of that turn's claim, in a task that has no such method."""
    plain = decision_module.execute

    def execute(turns, *rest, **named):
        for record in plain(turns, *rest, **named):
            yield replace(record, phase="prepare", case=-1, values={})
            yield record

    monkeypatch.setattr(decision_module, "execute", execute)
    found = decision(
        Coin("a", 2, planned=2), Coin("b", 2, planned=2, cells=("own",), is_timed=True)
    )
    found.run(None)
    for key, records in found.records.items():
        assert {record.cell.key for record in records} == {key}


@pytest.mark.parametrize("problem", [EnvironmentProblem, SelectionError])
def test_a_claim_whose_data_are_not_here_says_so_and_the_others_go_on(
    monkeypatch, counted, problem
):
    plain = decision_module.count_turns

    def count_turns(turns, *rest, **named):
        if any(turn.cell.method == "absent" for turn in turns):
            raise problem("WordNet is not installed.", "Install it.")
        yield from plain(turns, *rest, **named)

    monkeypatch.setattr(decision_module, "count_turns", count_turns)
    found = decision(Coin("a", 4, planned=4), Coin("b", 2, planned=2, cells=("absent",)))
    found.run(None)
    assert found.claims[0].is_decided
    assert found.claims[1].reason == "WordNet is not installed. Install it."
    assert not found.claims[1].looks


def test_what_follows_from_times_is_timed_and_the_rest_is_counted():
    claims, others = decidable(reproduction("agents-cost").statements)
    is_timed = {claim.name: claim.is_timed for claim in claims}
    assert is_timed["AC-tail"], "its metric has no unit of time, and is one of clocks"
    assert not is_timed["AC-calls"]
    assert not is_timed["AC-grows"]
    assert not is_timed.keys() & others.keys()
    tail = next(claim for claim in claims if claim.name == "AC-tail")
    assert not any(turn.counts for turn in tail.turns([0]))


def test_times_are_taken_after_what_is_counted_and_serve_both(counted):
    quick, slow = Coin("quick", 2, 8), Coin("slow", 2, 8, ("new", "old"), is_timed=True)
    found = decision(slow, quick)
    found.run(None)
    assert quick.is_decided
    assert slow.is_decided
    assert sorted(counted[:2]) == [("new", 7001), ("new", 7002)]
    assert sorted(counted[2:]) == [
        (name, seed, "timed") for name in ("new", "old") for seed in (7001, 7002)
    ]
    assert len(found.turns) == len(found.records) == 4, "a cell that was timed is there once"
    assert not any(turn.counts for turn in found.turns)
    assert all("latency_s" in records[0].values for records in found.records.values())


def test_what_was_timed_is_not_counted_again(counted):
    slow = Coin("slow", 2, 8, is_timed=True)
    found = decision(slow)
    found.run(None)
    claim = Coin("quick", 2, 8)
    found.claims = [claim]
    found.run(None)
    assert claim.is_decided
    assert len(counted) == 2


def test_times_are_begun_where_the_time_is_expected_to_allow_them(counted):
    quick, slow = Coin("quick", 2, 8), Coin("slow", 2, 8, is_timed=True)
    found = decision(slow, quick)
    found.run(17.0)  # two seconds of counting, and then two cells of eight times a second and more
    assert quick.is_decided
    assert not slow.looks
    assert slow.is_open
    assert not any(one[2:] for one in counted)


def decision(*claims):
    return Decision(claims, 7001, 2, Settings())


def test_a_claim_that_is_decided_takes_no_further_cell(counted):
    near, far = Coin("near", 2, 16), Coin("far", 8, 16, ("other",))
    decision(near, far).run(None)
    assert (near.looks, far.looks) == ([2], [2, 4, 8])
    assert [seed for name, seed in counted if name == "new"] == [7001, 7002]
    assert [seed for name, seed in counted if name == "other"] == list(range(7001, 7009))


def test_cells_of_several_claims_are_counted_once(counted):
    decision(Coin("a", 4, 8), Coin("b", 8, 8, ("new", "old"))).run(None)
    assert len(counted) == len(set(counted)) == 16


def test_time_goes_to_what_can_be_decided_soonest(counted):
    long, short = Coin("long", 64, 64, ("slow",)), Coin("short", 4, 8, ("fast",))
    found = decision(long, short)
    found.run(8.0)
    assert short.is_decided
    assert not long.is_decided
    assert long.is_open
    assert found.left_s(long) > found.left_s(short)


def test_a_time_that_ends_inside_leaves_whole_turns_and_no_look(counted):
    claim = Coin("a", 2, 8)
    found = decision(claim)
    found.run(0.5)
    assert claim.looks == []
    assert found.turns == ()
    assert claim.is_open


def test_a_time_that_ends_inside_a_round_leaves_the_looks_before(counted):
    """Two claims are expected to fit; the second takes ten times what was expected."""
    quick, slow = Coin("a", 99, 4, ("new",)), Coin("b", 99, 8, ("old",))
    found = decision(quick, slow)
    found.run(None, once=True)
    found.turn_s = dict.fromkeys(found.turn_s, 0.01)
    found.run(2.5)
    assert (quick.looks, slow.looks) == ([2, 4], [2])


def test_what_is_left_of_the_time_takes_a_shorter_look(counted):
    claim = Coin("a", 99, 100)
    decision(claim).run(15.0)
    assert claim.looks == [2, 4, 8, 13]


def test_a_pilot_looks_at_each_claim_once(counted):
    claim, slow = Coin("a", 99, 100), Coin("b", 99, 100, ("old",), is_timed=True)
    decision(slow, claim).run(None, once=True)
    assert (claim.looks, slow.looks) == ([2], [2])
    assert len(counted) == 4


def test_records_are_kept_by_cell_and_in_the_order_of_the_turns(counted):
    found = decision(Coin("a", 4, 4, ("new", "old")))
    found.run(None)
    assert [turn.cell.key for turn in found.turns] == list(found.records)
    assert all(len(records) == 1 for records in found.records.values())

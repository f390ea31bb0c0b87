"""Runs the races of a plan under one time budget, where a place on the front is undecided.

Every race (`harness/race/lanes.py`) in turn is given a part of the time that is left, by its number
of points; what one does not use goes to those after it, and what is left in the end to the
undecided, again in turn. So each task is loaded as rarely as possible, and no race can starve
the others.

A race is an ordinary run with fewer records: same plan, same journal. What the race knows is
a function of the records alone, so a resumed one goes on where it was, with the whole budget
again. `certificate.json` in the run folder says what is certain; it is rewritten after every
round, so that a killed race has one too.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from adabench.harness.contract import registry
from adabench.harness.contract.record import Record, Turn, Unit
from adabench.harness.race import certificate
from adabench.harness.race.lanes import Candidate, RaceInstance, RacePlan, lane, tracks
from adabench.harness.race.race import Rule

LINE_EVERY_S = 10.0
Say = Callable[[str], None]


class CasePool(Protocol):
    """What runs single cases of a turn (`harness/run/task_pool.py`)."""

    def run(self, turn: Turn, cases: set[int], done: set[Unit], /) -> Iterator[Record]:
        """Run some cases of a turn, and what has to be prepared for them."""
        ...

    def count(self, turn: Turn, /) -> int | None:
        """Return how many cases a turn's task has; None if it cannot be loaded."""
        ...


def run_race(
    folder: Path,
    turns: Sequence[Turn],
    known: Sequence[Record],
    pool: CasePool,
    *,
    budget_s: float,
    epsilon: float,
    say: Say = lambda _: None,
) -> Iterator[Record]:
    """Run what is worth running and yield its records; keep the certificate up to date.

    `known` are the records that the folder holds already. A race that is certified runs nothing.
    `say` is told every few seconds how far the race is.
    """
    earlier = certificate.read(folder)
    if earlier and earlier["ended"] == "certified":
        return
    tasks = {name: registry.find(name).card for name in {t.cell.task for t in turns}}
    methods = {name: registry.find(name).card for name in {t.cell.address for t in turns}}
    plans = tracks(turns, tasks, methods)
    runner = RaceRunner(folder, Rule(epsilon), budget_s, plans, list(known), say)
    try:
        yield from runner.run(pool)
    finally:
        runner.write()


@dataclass
class RaceRunner:
    """All races of a run under one budget."""

    folder: Path
    rule: Rule
    budget_s: float
    plans: list[RacePlan]
    known: list[Record]
    say: Say = lambda _: None
    races: dict[str, RaceInstance] = field(default_factory=dict)
    """By name, as soon as their tasks were loaded."""
    unloaded: dict[str, str] = field(default_factory=dict)
    """Races whose task could not be loaded, with the reason."""
    start: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._done = {record.unit for record in self.known if record.status == "ok"}
        earlier = certificate.read(self.folder)
        self._before_s = earlier["spent_s"] if earlier else 0.0
        self._last_line = self.start

    def run(self, pool: CasePool) -> Iterator[Record]:
        """Give every race its share of the time; then the undecided ones what is left."""
        while waiting := [plan for plan in self.plans if self._undecided(plan)]:
            before = len(self._done)
            for position, plan in enumerate(waiting):
                left_s = self.start + self.budget_s - time.monotonic()
                if left_s <= 0:
                    return
                points = sum(len(other.points) for other in waiting[position:])
                deadline = time.monotonic() + left_s * len(plan.points) / points
                yield from self._visit(plan, pool, deadline)
            if len(self._done) == before:  # nothing more can be run
                return

    def _undecided(self, plan: RacePlan) -> bool:
        if plan.name in self.unloaded or not plan.points:
            return False
        if plan.name not in self.races:
            return True
        standing = self.races[plan.name].standing()
        return standing is None or not standing.certified

    def _visit(self, plan: RacePlan, pool: CasePool, deadline: float) -> Iterator[Record]:
        """Run one race until it is certified or the deadline has come."""
        if plan.name not in self.races:
            yield from self._enter(plan, pool)
        while plan.name in self.races and time.monotonic() < deadline:
            own = self.races[plan.name]
            rounds = self._round(own)
            self.write()
            if not rounds:
                break
            for turn, cases in rounds:
                for record in pool.run(turn, cases, self._done):
                    if record.status == "ok":
                        self._done.add(record.unit)
                    own.take(record)
                    yield record
                    self._report(own)
                    if time.monotonic() >= deadline:
                        self.write()
                        return

    def _enter(self, plan: RacePlan, pool: CasePool) -> Iterator[Record]:
        """Load a race's tasks and count their cases."""
        counts: dict[int, int] = {}
        for seed in plan.seeds:
            turn = Turn(plan.points[0].cells[seed], 0)
            count = pool.count(turn)
            if count is None:
                for record in pool.run(turn, set(), self._done):
                    self.unloaded[plan.name] = record.note.partition("\n")[0]
                    yield record
                return
            counts[seed] = count
        self.races[plan.name] = lane(plan, self.rule, counts, self.known)

    def _round(self, own: RaceInstance) -> list[tuple[Turn, set[int]]]:
        """Return what to run next, each task's turns together, its methods in changing order."""
        wanted, seen = own.wanted(), own.seen
        places: list[tuple[Candidate, list[tuple[int, int]]]] = [
            (point, own.places[seen[i] : wanted[i]])
            for i, point in enumerate(own.track.points)
            if i not in own.failed
        ]
        if own.standing() is None:
            places += [(point, own.places[: own.pilot]) for point in own.track.aside]
        random.Random(f"{own.track.name} {sum(wanted)}").shuffle(places)
        turns = []
        for seed in own.track.seeds:
            for point, ahead in places:
                cell = point.cells[seed]
                cases = {case for of, case in ahead if of == seed}
                cases -= {case for case in cases if Unit(cell.key, "solve", case, 0) in self._done}
                if cases:
                    turns.append((Turn(cell, 0), cases))
        return turns

    def write(self) -> None:
        """Write down what is certain so far."""
        certificate.write(self.folder, self.state())

    def state(self) -> dict[str, Any]:
        """Return what the run makes certain, as plain JSON data."""
        races = [own.certificate() for own in self.races.values()]
        undecided = any(self._undecided(plan) for plan in self.plans)
        left_s = self.start + self.budget_s - time.monotonic()
        word = "budget spent" if undecided else "certified"
        done, whole = (sum(race[key] for race in races) for key in ("evaluations", "full_grid"))
        return {
            "epsilon": self.rule.epsilon,
            "confidence": self.rule.confidence,
            "budget_s": self.budget_s,
            "spent_s": round(self._before_s + time.monotonic() - self.start, 3),
            "ended": "unfinished" if undecided and left_s > 0 else word,
            "evaluations": done,
            "full_grid": whole,
            "share": done / whole if whole else 0.0,
            "races": races,
            "not_started": [
                plan.name
                for plan in self.plans
                if plan.points and plan.name not in {*self.races, *self.unloaded}
            ],
            "unloaded": self.unloaded,
        }

    def _report(self, own: RaceInstance) -> None:
        """Say every few seconds how far the race is."""
        now = time.monotonic()
        if now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            done = int((own.seen * own.alive).sum())
            self.say(
                f"{now - self.start:.0f} of {self.budget_s:.0f} s: {own.track.name}, "
                f"{done} of {own.quality.size} evaluations"
            )

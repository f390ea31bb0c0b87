"""`adabench run --budget 5m`: spend the time where a place on the front is undecided.

Every lane (`harness/race/lanes.py`) in turn is given a part of the time that is left, by its number
of points; what one does not use goes to those after it, and what is left in the end to the
undecided, again in turn. So each task is loaded as rarely as possible, and no lane can starve
the others.

A race is an ordinary run with fewer records: same plan, same journal. What the race knows is
a function of the records alone, so `--resume` goes on where it was, with the whole budget
again. `certificate.json` in the run folder says what is certain; it is rewritten after every
round, so that a killed race has one too.
"""

import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from adabench.cli import session
from adabench.harness.contract import registry
from adabench.harness.contract.record import Record, Turn, Unit
from adabench.harness.errors import SelectionError
from adabench.harness.race import certificate
from adabench.harness.race.lanes import Contender, Lane, Track, lane, tracks
from adabench.harness.race.race import Rule
from adabench.harness.run.execute import Bench, Settings
from adabench.harness.run.isolated import Limits
from adabench.harness.store import run_folder
from adabench.profilers.probe import Probe

LINE_EVERY_S = 10.0
BENCHES = 8
"""Loaded tasks kept at once: the seeds of a lane."""
UNITS = {"ms": 1e-3, "min": 60.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Read a time such as `5m`, `90s`, `1.5h` or `300`.

    Raises:
        SelectionError: if it is not a positive time.
    """
    unit = next((name for name in UNITS if text.strip().endswith(name)), "")
    try:
        value = float(text.strip().removesuffix(unit)) * UNITS.get(unit, 1.0)
    except ValueError:
        value = math.nan
    if not value > 0 or not math.isfinite(value):
        raise SelectionError(f"{text!r} is not a time.", "For example: --budget 5m, 90s, 1h.")
    return value


def check_options(repeats: int, limits: Limits, *, local: bool) -> None:
    """Refuse what a race cannot do.

    Raises:
        SelectionError: naming the option.
    """
    if repeats > 1:
        raise SelectionError(
            "A race solves each case once; it spends time on more cases instead.",
            "Leave out --repeats, or leave out --budget.",
        )
    if limits != Limits() or not local:
        raise SelectionError(
            "A race decides after each round what to run next, in this process.",
            "Leave out --timeout, --memory and --executor, or leave out --budget.",
        )


@dataclass
class Stable:
    """The loaded tasks, one bench for each task under its conditions at a seed."""

    settings: Settings
    probes: Sequence[Probe]
    benches: dict[str, Bench] = field(default_factory=dict)
    warmed: dict[str, str] = field(default_factory=dict)

    def bench(self, turn: Turn) -> Bench:
        """Return the bench on which a turn's task stays loaded; the oldest ones are let go."""
        cell = turn.cell
        name = repr((cell.task, cell.scale, cell.seed, sorted(cell.conditions.items())))
        if name not in self.benches:
            while len(self.benches) >= BENCHES:
                self.benches.pop(next(iter(self.benches))).watch.close()
            timing = [probe for probe in self.probes if not probe.intrusive]
            intrusive = [probe for probe in self.probes if probe.intrusive]
            self.benches[name] = Bench(self.settings, timing, intrusive, warmed=self.warmed)
        return self.benches[name]

    def run(self, turn: Turn, wanted: set[int], done: set[Unit]) -> Iterator[Record]:
        """Run some cases of a turn, and what has to be prepared for them."""
        for step in self.bench(turn).steps(turn, done):
            if step.unit.phase == "prepare" or step.unit.case in wanted | {-1}:
                record = step.news()
                if record is not None:
                    yield record

    def count(self, turn: Turn) -> int | None:
        """Return how many cases a turn's task has; None if it cannot be loaded."""
        return self.bench(turn).count(turn)

    def close(self) -> None:
        """Let the witnesses of disturbance go."""
        for bench in self.benches.values():
            bench.watch.close()


@dataclass
class Meeting:
    """All lanes of a run under one budget."""

    journal: run_folder.Run
    rule: Rule
    budget_s: float
    tracks: list[Track]
    known: list[Record]
    lanes: dict[str, Lane] = field(default_factory=dict)
    """By name, as soon as their tasks were loaded."""
    unloaded: dict[str, str] = field(default_factory=dict)
    """Lanes whose task could not be loaded, with the reason."""
    start: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._done = {record.unit for record in self.known if record.status == "ok"}
        earlier = certificate.read(self.journal.folder)
        self._before_s = earlier["spent_s"] if earlier else 0.0
        self._said = self.start

    def run(self, stable: Stable) -> Iterator[Record]:
        """Give every lane its share of the time; then the undecided ones what is left."""
        while waiting := [track for track in self.tracks if self._undecided(track)]:
            before = len(self._done)
            for position, track in enumerate(waiting):
                left_s = self.start + self.budget_s - time.monotonic()
                if left_s <= 0:
                    return
                points = sum(len(other.points) for other in waiting[position:])
                deadline = time.monotonic() + left_s * len(track.points) / points
                yield from self._visit(track, stable, deadline)
            if len(self._done) == before:  # nothing more can be run
                return

    def _undecided(self, track: Track) -> bool:
        if track.name in self.unloaded or not track.points:
            return False
        if track.name not in self.lanes:
            return True
        standing = self.lanes[track.name].standing()
        return standing is None or not standing.certified

    def _visit(self, track: Track, stable: Stable, deadline: float) -> Iterator[Record]:
        """Race in one lane until it is certified or the deadline has come."""
        if track.name not in self.lanes:
            yield from self._enter(track, stable)
        while track.name in self.lanes and time.monotonic() < deadline:
            own = self.lanes[track.name]
            rounds = self._round(own)
            self.write()
            if not rounds:
                break
            for turn, cases in rounds:
                for record in stable.run(turn, cases, self._done):
                    if record.status == "ok":
                        self._done.add(record.unit)
                    own.take(record)
                    yield record
                    self._say(own)
                    if time.monotonic() >= deadline:
                        self.write()
                        return

    def _enter(self, track: Track, stable: Stable) -> Iterator[Record]:
        """Load a lane's tasks and count their cases."""
        counts: dict[int, int] = {}
        for seed in track.seeds:
            turn = Turn(track.points[0].cells[seed], 0)
            count = stable.count(turn)
            if count is None:
                for record in stable.run(turn, set(), self._done):
                    self.unloaded[track.name] = record.note.partition("\n")[0]
                    yield record
                return
            counts[seed] = count
        self.lanes[track.name] = lane(track, self.rule, counts, self.known)

    def _round(self, own: Lane) -> list[tuple[Turn, set[int]]]:
        """Return what to run next, each task's turns together, its methods in changing order."""
        wanted, seen = own.wanted(), own.seen
        places: list[tuple[Contender, list[tuple[int, int]]]] = [
            (point, own.places[seen[i] : wanted[i]])
            for i, point in enumerate(own.track.points)
            if i not in own.failed
        ]
        if own.standing() is None:
            places += [(point, own.places[: own.pilot]) for point in own.track.aside]
        random.Random(f"{own.track.name} {sum(wanted)}").shuffle(places)
        found = []
        for seed in own.track.seeds:
            for point, ahead in places:
                cell = point.cells[seed]
                cases = {case for of, case in ahead if of == seed}
                cases -= {case for case in cases if Unit(cell.key, "solve", case, 0) in self._done}
                if cases:
                    found.append((Turn(cell, 0), cases))
        return found

    def write(self) -> None:
        """Write down what is certain so far."""
        certificate.write(self.journal.folder, self.state())

    def state(self) -> dict[str, Any]:
        """Return what the run makes certain, as plain JSON data."""
        races = [own.certificate() for own in self.lanes.values()]
        undecided = any(self._undecided(track) for track in self.tracks)
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
                track.name
                for track in self.tracks
                if track.points and track.name not in {*self.lanes, *self.unloaded}
            ],
            "unloaded": self.unloaded,
        }

    def _say(self, own: Lane) -> None:
        """Say on stderr every few seconds how far the race is."""
        now = time.monotonic()
        if now - self._said >= LINE_EVERY_S:
            self._said = now
            done = int((own.seen * own.alive).sum())
            print(
                f"{now - self.start:.0f} of {self.budget_s:.0f} s: {own.track.name}, "
                f"{done} of {own.quality.size} evaluations",
                file=sys.stderr,
            )


def entered(
    journal: run_folder.Run, limits: Limits, *, local: bool, energy: bool, cached: bool
) -> Iterator[Record] | None:
    """Return the records of the race that a run was asked for; None if it was not.

    Raises:
        SelectionError: if it is to go on in a way that a race cannot.
    """
    asked = run_folder.read_manifest(journal.folder).get("asked", {})
    if not asked.get("race_s"):
        return None
    check_options(1, limits, local=local)
    probes = session.opened_probes(journal)
    settings = session.settings(journal, probes, energy=energy, cached=cached)
    return raced(journal, probes, settings, budget_s=asked["race_s"], epsilon=asked["epsilon"])


def raced(
    journal: run_folder.Run,
    probes: Sequence[Probe],
    settings: Settings,
    *,
    budget_s: float,
    epsilon: float,
) -> Iterator[Record]:
    """Run what is worth running and yield its records; keep the certificate up to date."""
    earlier = certificate.read(journal.folder)
    if earlier and earlier["ended"] == "certified":
        return
    tasks = {name: registry.find(name).card for name in {t.cell.task for t in journal.turns}}
    methods = {name: registry.find(name).card for name in {t.cell.address for t in journal.turns}}
    found = tracks(journal.turns, tasks, methods)
    meeting = Meeting(journal, Rule(epsilon), budget_s, found, run_folder.records(journal.folder))
    with closing(Stable(settings, probes)) as stable:
        try:
            yield from meeting.run(stable)
        finally:
            meeting.write()

"""A run taken apart into races: which points compete, on which cases, and what is certain.

A *lane* is one race: the points (methods at their settings) of one task at one scale under one
set of conditions. The condition that is the task's budget (cache slots) does not part them: it
is the cost axis. Axes are the task's primary work counter and primary quality. Oracles do not
compete, since nobody could choose one; they run on the first look's cases only, which the oracle gap
then uses.

The cases of all seeds stand in one random order, drawn from the lane's name, and every point
runs along it. So what a race knows is a function of the records: a resumed one goes on where
it was, and a point that failed anywhere is out of it.

*Units of epsilon.* Quality: its own unit where all values of the first look lie between 0 and
1; else the range of the points' means at that look. Scores of at most eleven different values
between 0 and 1 are raced by bets, others by studentised means (`sequential_tests.py`). Cost: the
logarithm, so twice epsilon is a factor 1 + 2 epsilon.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from adabench.harness.contract.card import Card, Metric, Point
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import SelectionError
from adabench.harness.race.race import Race, Rule, Standing
from adabench.harness.stats.intervals import FloatArray, IntArray

COARSE = 11
"""Different scores (0, 0.1 .. 1) up to which bets are sharper than studentised means."""


@dataclass(frozen=True)
class Candidate:
    """One point: a method at a setting, pooled over seeds."""

    label: str
    cells: Mapping[int, Cell]
    """By seed."""

    @property
    def any_cell(self) -> Cell:
        """A cell of it: they differ in the seed alone."""
        return next(iter(self.cells.values()))


@dataclass(frozen=True)
class RacePlan:
    """A lane before its tasks were loaded: who competes, on which axes."""

    name: str
    cost: Metric
    quality: Metric
    points: tuple[Candidate, ...]
    aside: tuple[Candidate, ...]
    """Oracles."""

    @property
    def seeds(self) -> list[int]:
        """The seeds of the run."""
        return sorted({seed for point in self.points for seed in point.cells})


def tracks(
    turns: Iterable[Turn], tasks: Mapping[str, Card], methods: Mapping[str, Card]
) -> list[RacePlan]:
    """Return the races of a plan, in its order; cards are by task and by address.

    Raises:
        SelectionError: if a task names no two axes.
    """
    groups: dict[tuple[str, str, str], dict[str, dict[int, Cell]]] = defaultdict(dict)
    for cell in {turn.cell.key: turn.cell for turn in turns}.values():
        budget = tasks[cell.task].budget
        rest = {name: value for name, value in cell.conditions.items() if name != budget}
        point = repr((cell.method, sorted(cell.point.items()), sorted(cell.conditions.items())))
        group = groups[cell.task, cell.scale, repr(sorted(rest.items()))]
        group.setdefault(point, {})[cell.seed] = cell
    names = _names(groups)
    return [
        _track(names[key], list(group.values()), tasks[key[0]], methods)
        for key, group in groups.items()
    ]


def _track(
    name: str, cells: list[dict[int, Cell]], card: Card, methods: Mapping[str, Card]
) -> RacePlan:
    axes = {metric.role: metric for metric in card.metrics if metric.primary}
    if not {"work", "quality"} <= axes.keys():
        raise SelectionError(
            f"{name} cannot be raced: its task names no primary work and quality.",
            "Run it without --race.",
        )
    firsts = [next(iter(by_seed.values())) for by_seed in cells]
    settings = [dict(cell.point) | dict(cell.conditions) for cell in firsts]
    made = [
        (cell, Candidate(_label(cell.method, own, settings), by_seed))
        for cell, own, by_seed in zip(firsts, settings, cells, strict=True)
    ]
    oracle = {cell.address for cell in firsts if methods[cell.address].role == "oracle"}
    return RacePlan(
        name,
        axes["work"],
        axes["quality"],
        tuple(point for cell, point in made if cell.address not in oracle),
        tuple(point for cell, point in made if cell.address in oracle),
    )


def _names(
    groups: Mapping[tuple[str, str, str], Mapping[str, Mapping[int, Cell]]],
) -> dict[Any, str]:
    """Name each group by its task and the conditions in which groups of that task differ."""
    conditions = {
        key: dict(next(iter(next(iter(group.values())).values())).conditions) | {"scale": key[1]}
        for key, group in groups.items()
    }
    return {
        key: _label(key[0], own, [c for other, c in conditions.items() if other[0] == key[0]])
        for key, own in conditions.items()
    }


def _label(name: str, own: Point, all_of_them: Sequence[Point]) -> str:
    """Return `name(knob=value)` with what is not the same everywhere."""
    moving = [
        f"{knob}={value}"
        for knob, value in own.items()
        if any(other.get(knob, value) != value for other in all_of_them)
    ]
    return f"{name}({', '.join(moving)})" if moving else name


@dataclass
class RaceInstance:
    """One race under way: the values seen, place by place, and what they make certain."""

    track: RacePlan
    rule: Rule
    places: list[tuple[int, int]]
    """(seed, case) in the order of the race."""
    quality: FloatArray = field(init=False)
    cost: FloatArray = field(init=False)
    price: FloatArray = field(init=False)
    """Seconds that solving took; NaN where it was not solved."""
    failed: dict[int, str] = field(default_factory=dict)
    """Points that are out of the race, with the reason."""
    _race: Race | None = None
    _scale: float = 1.0

    def __post_init__(self) -> None:
        shape = len(self.track.points), len(self.places)
        self.quality, self.cost, self.price = (np.full(shape, np.nan) for _ in range(3))
        self._place = {place: index for index, place in enumerate(self.places)}
        self._point = {
            cell.key: index
            for index, point in enumerate(self.track.points)
            for cell in point.cells.values()
        }

    def take(self, record: Record) -> None:
        """Note what a record says, if it is one of this lane's points."""
        index = self._point.get(record.cell.key)
        if index is None or (record.phase == "prepare" and record.status == "ok"):
            return
        place = self._place.get((record.cell.seed, record.case))
        names = self.track.cost.name, self.track.quality.name
        missing = [name for name in names if name not in record.values]
        if record.status != "ok" or missing or place is None:
            reason = record.note.partition("\n")[0] or f"it gave no {', '.join(missing)}"
            self.failed.setdefault(index, reason)
            return
        sign = 1.0 if self.track.quality.better == "higher" else -1.0
        self.cost[index, place] = record.values[names[0]]
        self.quality[index, place] = sign * record.values[names[1]]
        self.price[index, place] = record.values.get("latency_s", np.nan)

    @property
    def seen(self) -> IntArray:
        """How many leading places each point has values of."""
        blank = np.isnan(self.quality)
        first = np.where(blank.any(axis=1), blank.argmax(axis=1), blank.shape[1])
        return np.asarray(first, np.intp)

    @cached_property
    def pilot(self) -> int:
        """Cases that every point sees before anything is judged."""
        return self.rule.looks(len(self.places))[0]

    @property
    def alive(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """The points that did not fail."""
        return np.array([i not in self.failed for i in range(len(self.track.points))], bool)

    def standing(self) -> Standing | None:
        """Judge every point; None while not all of them have run the first look's cases."""
        seen, alive = self.seen, self.alive
        if (seen[alive] < self.pilot).any():
            return None
        if self._race is None:
            self._begin(alive)
        assert self._race is not None
        seen = np.where(alive, seen, 0)
        scaled = np.nan_to_num(self.quality) / self._scale
        self._race.see(scaled, np.nan_to_num(self.cost), seen)
        height = np.array([row[: max(n, 1)].mean() for row, n in zip(scaled, seen, strict=True)])
        return self._race.standing(height, alive)

    def _begin(self, alive: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        """Fix the unit of quality and the kind of test by the first look."""
        first = self.quality[alive, : self.pilot]
        bounded = bool(
            first.size and np.abs(first).max() <= 1 and (first.min() >= 0 or first.max() <= 0)
        )
        extent = float(np.ptp(first.mean(axis=1))) if first.size else 0.0
        self._scale = 1.0 if bounded or extent == 0 else extent
        coarse = bounded and len(np.unique(first)) <= COARSE
        self._race = Race(self.rule, len(self.places), coarse, len(self.track.points))

    def wanted(self) -> IntArray:
        """Return how many cases each point should see next; no more than now if all is certain."""
        standing, seen = self.standing(), self.seen
        if standing is None:
            return np.where(self.alive, np.maximum(seen, self.pilot), seen)
        assert self._race is not None
        return self._race.wanted(standing, seen)

    def certificate(self) -> dict[str, Any]:
        """Return what is certain of this lane, as plain JSON data."""
        standing, seen = self.standing(), self.seen
        done = int((~np.isnan(self.quality)).sum())
        whole = self.quality.size
        unresolved = standing.unresolved if standing else ()
        labels = [point.label for point in self.track.points]
        ended = standing is not None and standing.certified
        return {
            "race": self.track.name,
            "cost": self.track.cost.name,
            "quality": self.track.quality.name,
            "test": "none"
            if self._race is None
            else "bets"
            if self._race.coarse
            else "studentised",
            "quality_unit": self._scale,
            "cases": len(self.places),
            "ended": "certified" if ended else "undecided",
            "evaluations": done,
            "full_grid": whole,
            "share": done / whole if whole else 1.0,
            "share_of_time": self._share_of_time(),
            "points": [self._row(i, standing, seen) for i in range(len(labels))],
            "unresolved": sorted({(labels[i], labels[j]) for i, j in unresolved}),
            "oracles": [point.label for point in self.track.aside],
        }

    def _share_of_time(self) -> float | None:
        """Return the share of the full grid's solving time, at each point's mean time."""
        done = np.isfinite(self.price)
        tried = done.any(axis=1)
        if not tried.all():
            return None
        mean = np.nansum(self.price, axis=1) / done.sum(axis=1)
        return float((mean * done.sum(axis=1)).sum() / (mean.sum() * len(self.places)))

    def _row(self, i: int, standing: Standing | None, seen: IntArray) -> dict[str, Any]:
        point, n = self.track.points[i], int(seen[i])
        cell = point.any_cell
        place = "undecided"
        if i in self.failed:
            place = "dropped"
        elif standing is not None:
            place = "on" if standing.on[i] else "off" if standing.off[i] else "undecided"
        witness = _final(standing.witness, i) if standing is not None else -1
        sign = 1.0 if self.track.quality.better == "higher" else -1.0
        return {
            "label": point.label,
            "method": cell.method,
            "point": dict(cell.point),
            "conditions": dict(cell.conditions),
            "place": place,
            "because_of": self.track.points[witness].label if witness >= 0 else "",
            "reason": self.failed.get(i, ""),
            "cases": n,
            "cost": float(self.cost[i, :n].mean()) if n else None,
            "quality": float(sign * self.quality[i, :n].mean()) if n else None,
        }


def _final(witness: IntArray, i: int) -> int:
    """Return who stands for point i in the end: the witness of its witness, and so on."""
    at = int(witness[i])
    while at >= 0 and witness[at] >= 0:
        at = int(witness[at])
    return at


def lane(
    track: RacePlan, rule: Rule, cases: Mapping[int, int], records: Iterable[Record]
) -> RaceInstance:
    """Return a race with what the records say already; `cases` are counted by seed."""
    places = [(seed, case) for seed in track.seeds for case in range(cases[seed])]
    random.Random(f"{track.name} {places}").shuffle(places)
    made = RaceInstance(track, rule, places)
    for record in records:
        made.take(record)
    return made

"""What a claim may call upon: the leaves it speaks of, and their pairs, as columns.

A claim speaks of certain leaves. `Evidence.of` picks them: a condition or knob named in
`where` takes the values given there, one named in `free` any value, all others their
default. A method and its rivals are compared pair by pair, on equal conditions, seed and
case; `pair_points` finds the pairs.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adabench.harness.analysis.findings import VerdictWord
from adabench.harness.analysis.operating_points import (
    IDENTITY,
    TIMED,
    CaseTable,
    Key,
    OperatingPoint,
    order,
)
from adabench.harness.analysis.replicates import ReplicateList
from adabench.harness.contract.card import Card, Knob, Point, Scalar, Where
from adabench.harness.stats.intervals import FloatArray, IntArray


class Ruling(NamedTuple):
    """What becomes of an expectation."""

    verdict: VerdictWord
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    bar: float | None = None
    n: int = 0
    trainings: int = 0
    reason: str = ""
    p_value: float | None = None
    units: int = 0
    """How many trainings or seeds in all should decide it, where some number would."""
    over: str = ""
    """What the interval rests on: cases, trainings or seeds."""
    power: float | None = None
    """At the paper's full effect, of the size that was run."""
    needed: int = 0
    """Cases, trainings or seeds at which the power is 0.9; 0 where no number would do."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """A method's leaves, each with its rivals' leaves on the very same case."""

    leaves: CaseTable
    ours: IntArray
    """(n,) rows of the leaves' table."""
    theirs: IntArray
    """(n, rivals) rows."""

    def __len__(self) -> int:
        return len(self.ours)

    @property
    def places(self) -> ReplicateList:
        """Where our leaves stand."""
        return self.leaves.places(self.ours)

    def columns(self, name: str) -> tuple[FloatArray, FloatArray]:
        """Return a value of both sides: (n,) and (n, rivals)."""
        theirs = [self.leaves.column(name, rows) for rows in self.theirs.T]
        return self.leaves.column(name, self.ours), np.stack(theirs, axis=1)

    def only(self, which: npt.NDArray[np.bool_]) -> "Pairs":
        """Return some of the pairs."""
        return replace(self, ours=self.ours[which], theirs=self.theirs[which])

    def holding(self, name: str) -> "Pairs":
        """Return the pairs whose sides all hold a value."""
        ours, theirs = self.columns(name)
        return self.only(~np.isnan(ours) & ~np.isnan(theirs).any(axis=1))


@dataclass(frozen=True)
class Evidence:
    """What a run holds about one task at one scale."""

    task: str
    card: Card
    methods: Mapping[str, Card]
    """By bare name."""
    dots: Sequence[OperatingPoint]
    posing: str = ""
    """A method whose operating points are those of another, which need not have its knobs."""

    def of(
        self, method: str, where: Where, *, groups: Sequence[str] = (), free: Collection[str] = ()
    ) -> list[OperatingPoint]:
        """Return the leaves of `method` that `where` speaks of, by operating point.

        Names in `where` that this method does not have as a knob are left to its rival.
        """
        knobs, conditions = self.methods[method].knobs, self.card.knobs
        found = [
            dot.of_groups(groups)
            for dot in self.dots
            if dot.method == method
            and _allows(dot.conditions, conditions, where, free)
            and (method == self.posing or _allows(dot.point, knobs, where, free))
        ]
        return [dot for dot in found if len(dot)]

    def why_none(
        self, method: str, where: Where, groups: Sequence[str], free: Collection[str]
    ) -> str:
        """Say what would have to be run for `of` to find something."""
        own = [dot for dot in self.dots if dot.method == method]
        if not own:
            return f"run {method} too"
        if groups and not any(len(dot.of_groups(groups)) for dot in own):
            return f"{method} has no case of group {' or '.join(groups)}"
        knobs = (*self.card.knobs, *self.methods[method].knobs)
        for knob in knobs:
            asked = _asked(knob, where, free)
            had = {({**dot.conditions, **dot.point}).get(knob.name, knob.default) for dot in own}
            if asked is not None and not had & set(asked):
                return f"{method} needs {_named(knob.name, asked)}; recorded: {_listed(had)}"
        return f"{method} has no record under the conditions of the claim"


def _asked(knob: Knob, where: Where, free: Collection[str]) -> tuple[Scalar, ...] | None:
    """Return the values a claim allows, or None for any."""
    if knob.name not in where:
        return None if knob.name in free else (knob.default,)
    value = where[knob.name]
    return value if isinstance(value, tuple) else (value,)


def _allows(point: Point, knobs: Sequence[Knob], where: Where, free: Collection[str]) -> bool:
    for knob in knobs:
        asked = _asked(knob, where, free)
        if asked is not None and point.get(knob.name, knob.default) not in asked:
            return False
    return True


def _named(name: str, values: Collection[Scalar]) -> str:
    return f"{name}={_listed(values)}"


def _listed(values: Collection[Scalar]) -> str:
    return " or ".join(str(value) for value in sorted(values, key=lambda v: order({"": v})))


def pair_points(
    evidence: Evidence,
    ours: Sequence[OperatingPoint],
    rivals: Mapping[str, Sequence[OperatingPoint]],
    where: Where,
    there: Where,
) -> tuple[Pairs, int]:
    """Return the pairs on equal conditions, seed and case, and how many were refused.

    A knob that `where` names and a rival also has takes the same value on both sides, unless
    `there` names it. A pair is refused when the two sides say that they saw different instances.
    """
    leaves = ours[0].leaves
    sides = []
    for rival, dots in rivals.items():
        shared = [
            knob.name
            for knob in evidence.methods[rival].knobs
            if knob.name in where and knob.name in ours[0].point and knob.name not in there
        ]
        sides.append(_partners(ours, dots, shared, there))
    pairs = Pairs(leaves, join_rows(ours), np.stack(sides, axis=1))
    pairs = pairs.only(np.asarray((pairs.theirs >= 0).all(axis=1), np.bool_))
    own, others = pairs.columns(IDENTITY)
    known = ~np.isnan(own)[:, None] & ~np.isnan(others)
    refused = np.asarray((known & (own[:, None] != others)).any(axis=1), np.bool_)
    return pairs.only(~refused), int(refused.sum())


def join_rows(dots: Sequence[OperatingPoint]) -> IntArray:
    """Return the rows of several dots, one after another."""
    return np.concatenate([dot.rows for dot in dots])


def _partners(
    ours: Sequence[OperatingPoint],
    rivals: Sequence[OperatingPoint],
    shared: Sequence[str],
    there: Where,
) -> IntArray:
    """Return for each of our leaves the rival's row on the same case; -1 where there is none.

    Of several the one at the last operating point counts.
    """
    by_match: dict[tuple[Key, Key], list[OperatingPoint]] = defaultdict(list)
    for dot in rivals:
        by_match[_match(dot, shared, there)].append(dot)
    found = []
    for dot in ours:
        known = by_match.get(_match(dot, shared, there))
        rows = join_rows(known)[::-1] if known else np.zeros(0, np.intp)
        cases, first = np.unique(dot.leaves.cases[rows], return_index=True)
        wanted = dot.leaves.cases[dot.rows]
        at = np.minimum(np.searchsorted(cases, wanted), max(len(cases) - 1, 0))
        hit = cases[at] == wanted if len(cases) else np.zeros(len(wanted), np.bool_)
        found.append(np.where(hit, rows[first][at] if len(cases) else -1, -1))
    return np.concatenate(found)


def _match(dot: OperatingPoint, shared: Sequence[str], there: Where) -> tuple[Key, Key]:
    knobs = {name: dot.point[name] for name in shared if name in dot.point}
    conditions = {name: value for name, value in dot.conditions.items() if name not in there}
    return order(conditions), order(knobs)


def ruling_on_unrecorded(metric: str) -> Ruling:
    """Rule on a claim about a metric that no leaf holds."""
    if metric.endswith(TIMED):
        return Ruling("not testable here", reason=f"nothing here measured {metric}")
    return Ruling("not run", reason=f"{metric} was not recorded")


def place_of(leaves: CaseTable, row: int, defaults: Point) -> str:
    """Name a case so that it can be found again: group, seed, case, unusual conditions."""
    conditions = leaves.table.cells[leaves.table.cell[row]].conditions
    unusual = [
        f"{name}={value}" for name, value in conditions.items() if defaults.get(name) != value
    ]
    place = leaves.where.place(int(leaves.numbers[row]))
    where = f"seed {place.seed}, case {place.case}"
    return ", ".join(part for part in (place.group, where, *unusual) if part)

"""From raw records to what statistics may use: repeats collapsed, operating points told apart.

A leaf is one case of one seed under one method's operating point; a `OperatingPoint` holds all leaves of
one operating point, as columns. Only records of solving that ended well become leaves.
Repeats measure the same thing again, so they collapse first: to the median for timings,
energies and bytes (`*_s`, `*_j`, `*_bytes`), to the mean for counts and scores, which are equal
over repeats anyway. Dots come sorted, and their leaves by seed and case, so everything
computed from them is the same for the same set of records in any order.

Dots look into the table that all of a run's share: none holds values of its own, and where a
leaf stands is a number that means the same in all of them (`ReplicateIndex`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from adabench.harness.analysis.replicates import ReplicateIndex, ReplicateList
from adabench.harness.contract.card import Card, Metric, Point
from adabench.harness.contract.record import Cell, Record
from adabench.harness.stats.intervals import FloatArray, IntArray
from adabench.harness.store.table import TIMED, Table, from_records

__all__ = ["TIMED"]

Key = tuple[tuple[str, int, float, str], ...]
Setting = tuple[str, Key, Key]
"""A method under conditions at a point: one dot of a plot."""

UNITS = {"_s": "s", "_j": "J", "_bytes": "B"}
PREFIX = "prepare_"
"""Of a value that a case has from the preparation before it: `prepare_cpu_s`, the CPU seconds of that one."""
Turned = Mapping[tuple[str, str], frozenset[str]]
IDENTITY = "instance"
"""A digest of the case, not a measurement: leaves that differ in it do not pair."""


@dataclass(frozen=True, eq=False)
class CaseTable:
    """All leaves of a run: a collapsed table, and where each of its rows stands."""

    table: Table
    where: ReplicateIndex
    numbers: IntArray

    @classmethod
    def of(cls, table: Table) -> "CaseTable":
        """Return the leaves of a table."""
        collapsed = table.collapsed()
        where = ReplicateIndex.of(collapsed)
        return cls(collapsed, where, where.numbers(collapsed))

    @cached_property
    def cases(self) -> IntArray:
        """The number of each row's case and seed: that of its place, whatever its group."""
        per_group = self.where.cases
        seed = self.numbers // (per_group * max(len(self.where.groups), 1))
        return np.asarray(seed * per_group + self.table.case, np.intp)

    def column(self, name: str, rows: IntArray) -> FloatArray:
        """Return a value of some leaves; NaN where one does not hold it."""
        column = self.table.columns.get(name)
        if column is not None:
            return column[rows]
        if name.startswith(PREFIX):
            return preparation_column(self.table, name)[self.table.cell[rows]]
        return np.full(len(rows), np.nan)

    def places(self, rows: IntArray) -> ReplicateList:
        """Return where some leaves stand."""
        return ReplicateList(self.where, self.numbers[rows])


@dataclass(frozen=True, eq=False)
class OperatingPoint:
    """All leaves of one operating point at one scale, or some of them."""

    task: str
    method: str
    scale: str
    point: Point
    conditions: Point
    leaves: CaseTable
    rows: IntArray
    """(n,) rows of the leaves' table, by seed and case."""

    def __len__(self) -> int:
        """Count the leaves."""
        return len(self.rows)

    @cached_property
    def setting(self) -> Setting:
        """The method under its conditions at its point."""
        return self.method, order(self.conditions), order(self.point)

    @property
    def places(self) -> ReplicateList:
        """Where the leaves stand."""
        return self.leaves.places(self.rows)

    @property
    def names(self) -> list[str]:
        """The values that some leaf holds, sorted."""
        return [name for name in sorted(self.leaves.table.columns) if self.holds(name).any()]

    @property
    def trained(self) -> dict[str, str]:
        """The trained artefacts behind the leaves, by name, with their digests."""
        table, found = self.leaves.table, dict[str, str]()
        for index in np.unique(table.cell[self.rows]):
            found |= table.trained.get(table.cells[index].key, {})
        return found

    def column(self, name: str) -> FloatArray:
        """Return a value of every leaf; NaN where one does not hold it."""
        return self.leaves.column(name, self.rows)

    def holds(self, *names: str) -> npt.NDArray[np.bool_]:
        """Say of each leaf whether it holds all `names`."""
        held = np.ones(len(self), np.bool_)
        for name in names:
            held &= ~np.isnan(self.column(name))
        return held

    def only(self, which: npt.NDArray[np.bool_]) -> "OperatingPoint":
        """Return the dot with some of its leaves."""
        return self if which.all() else replace(self, rows=self.rows[which])

    def holding(self, *names: str) -> "OperatingPoint":
        """Return the dot with the leaves that hold all `names`."""
        return self.only(self.holds(*names))

    def of_groups(self, groups: Sequence[str]) -> "OperatingPoint":
        """Return the dot with the cases of some groups; of all, if none is named."""
        if not groups:
            return self
        table = self.leaves.table
        wanted = [i for i, name in enumerate(table.groups) if name in groups]
        return self.only(np.isin(table.group[self.rows], wanted))


def order(point: Point) -> Key:
    """Return a hashable key of a point; sorting by it puts numbers in numeric order."""
    return tuple(
        (name, 1, 0.0, value) if isinstance(value, str) else (name, 0, float(value), "")
        for name, value in sorted(point.items())
    )


def collapse(records: Iterable[Record] | Table) -> tuple[OperatingPoint, ...]:
    """Return the dots of all records of solving that are ok, sorted."""
    leaves = CaseTable.of(records if isinstance(records, Table) else from_records(records))
    table = leaves.table
    cells: dict[tuple[str, str, Key, Key, str], list[int]] = defaultdict(list)
    for i, cell in enumerate(table.cells):
        where = (order(cell.conditions), order(cell.point), cell.scale)
        cells[cell.task, cell.method, *where].append(i)
    return tuple(_dot(leaves, sorted(cells[key], key=lambda i: (table.cells[i].seed, i)))
                 for key in sorted(cells))  # fmt: skip


def _dot(leaves: CaseTable, cells: Sequence[int]) -> OperatingPoint:
    first, bounds = leaves.table.cells[cells[0]], leaves.table.bounds
    rows = np.concatenate([np.arange(bounds[i], bounds[i + 1]) for i in cells])
    return OperatingPoint(
        first.task, first.method, first.scale, first.point, first.conditions, leaves, rows
    )  # fmt: skip


def unit_of(name: str, card: Card) -> str:
    """Return a metric's unit: the task's word for it, else the one its name ends in."""
    metric = metric_of(name, card)
    if metric is not None:
        return metric.unit
    return next((unit for end, unit in UNITS.items() if name.endswith(end)), "")


def metric_of(name: str, card: Card) -> Metric | None:
    """Return the task's metric called `name`, if it declares one."""
    return next((metric for metric in card.metrics if metric.name == name), None)


def settings(dots: Iterable[OperatingPoint], names: Sequence[str]) -> dict[Setting, OperatingPoint]:
    """Return the leaves that hold all `names` by operating point, in sorted order."""
    holding = (dot.holding(*names) for dot in dots)
    return dict(sorted(((dot.setting, dot) for dot in holding if len(dot)), key=lambda x: x[0]))


def shared_places(*groups: Mapping[Setting, OperatingPoint]) -> ReplicateList:
    """Return the places that every setting of every group holds."""
    dots = [dot for group in groups for dot in group.values()]
    if not dots:
        return ReplicateList(ReplicateIndex(np.zeros(0, np.intp), (), 1), np.zeros(0, np.intp))
    held = [np.sort(dot.places.numbers) for dot in dots]
    shared = reduce(lambda a, b: a if np.array_equal(a, b) else np.intersect1d(a, b), held)
    return ReplicateList(dots[0].leaves.where, shared)


def table(group: Mapping[Setting, OperatingPoint], places: ReplicateList, name: str) -> FloatArray:
    """Return a metric as an array (places, settings)."""
    found = np.empty((len(places), len(group)))
    for k, dot in enumerate(group.values()):
        numbers = dot.places.numbers
        by_place = np.argsort(numbers, kind="stable")
        at = by_place[np.searchsorted(numbers[by_place], places.numbers)]
        found[:, k] = dot.column(name)[at]
    return found


def preparation_column(table: Table, name: str) -> FloatArray:
    """Return a value of the preparation of each cell of a table; NaN where there is none.

    A preparation belongs to all cells that differ from it in knobs turned at `solve` alone; in its
    record those are at their default, so a knob that has several values there is turned at `prepare`.
    """
    wanted = name.removeprefix(PREFIX)
    records = [r for r in table.others if r.phase == "prepare" and r.status == "ok"]
    turned = _turned_knobs(records)
    found = {
        _preparation_place(r.cell, turned): r.values[wanted] for r in records if wanted in r.values
    }
    return np.array(
        [found.get(_preparation_place(cell, turned), np.nan) for cell in table.cells], np.float64
    )


def _turned_knobs(records: list[Record]) -> Turned:
    """Return the knobs that several preparations of a method differ in."""
    values: dict[tuple[str, str], dict[str, set[Any]]] = defaultdict(lambda: defaultdict(set))
    for record in records:
        for name, value in record.cell.point.items():
            values[record.cell.task, record.cell.method][name].add(value)
    return {
        method: frozenset(name for name, several in own.items() if len(several) > 1)
        for method, own in values.items()
    }


def _preparation_place(cell: Cell, turned: Turned) -> tuple[Any, ...]:
    names = turned.get((cell.task, cell.method), frozenset())
    point = tuple(sorted((name, value) for name, value in cell.point.items() if name in names))
    conditions = tuple(sorted(cell.conditions.items()))
    return cell.task, cell.method, cell.scale, cell.seed, conditions, point

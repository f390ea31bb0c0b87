"""Two runs' tables side by side: the same cell, seed, case and repeat in both.

Cells are matched by task, method, point, conditions and scale; the seeds of an operating
point are pooled into one `Match`, whose rows lie sorted by seed, case and repeat. A row that
only one run holds has no partner and drops out; an operating point or a seed that only one
run holds is in `unmatched_cells`, so that nothing is left out silently. In a collapsed table every
repeat is 0: the pairs are then cases. Everything happens on columns; no object a row is made.

Which instance a case was stands in the column `instance` where its task tells
(`harness/analysis/operating_points.py`). Pairs that differ in it are not pairs: `count_other_instances` counts them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from adabench.harness.analysis.operating_points import IDENTITY, Key, order
from adabench.harness.contract.record import Cell
from adabench.harness.stats.intervals import FloatArray, IntArray
from adabench.harness.store.table import Table

Spot = tuple[str, str, str, Key, Key]
"""An operating point: task, method, scale, conditions, point."""


@dataclass(frozen=True, eq=False)
class Match:
    """One operating point in both runs: the rows of the same seed, case and repeat."""

    cell: Cell
    """That of the lowest seed in both runs."""
    a: IntArray
    """(n,) rows of the first table, sorted by seed, case and repeat."""
    b: IntArray
    seed: IntArray
    case: IntArray
    block: IntArray
    missing_a: int = 0
    """Rows of seeds in both runs that only the second run holds."""
    missing_b: int = 0


@dataclass(frozen=True, eq=False)
class MetricPairs:
    """One metric of one operating point, seen by two runs."""

    cell: Cell
    metric: str
    a: FloatArray
    """(n,) values of the first run."""
    b: FloatArray
    seed: IntArray
    case: IntArray
    block: IntArray


class UnmatchedCells(NamedTuple):
    """Cells that only one of two tables holds, sorted by what they are."""

    a: tuple[Cell, ...]
    b: tuple[Cell, ...]


def pairs_of(match: Match, metric: str, a: FloatArray, b: FloatArray) -> MetricPairs:
    """Return the pairs of one match that have a value in both columns (of whole tables)."""
    ours, theirs = a[match.a], b[match.b]
    known = ~(np.isnan(ours) | np.isnan(theirs))
    if known.all():
        return MetricPairs(match.cell, metric, ours, theirs, match.seed, match.case, match.block)
    seed, case, block = match.seed[known], match.case[known], match.block[known]
    return MetricPairs(match.cell, metric, ours[known], theirs[known], seed, case, block)


def matches(a: Table, b: Table) -> list[Match]:
    """Return the operating points of both tables with their common rows, sorted by what they are.

    One without a common row is among them, with empty rows.
    """
    spots_a, spots_b = _spots(a.cells), _spots(b.cells)
    sides = (spots_a, _count(a)), (spots_b, _count(b))
    common = sorted(spots_a.keys() & spots_b.keys())
    place = {spot: i for i, spot in enumerate(common)}
    keys_a, keys_b = _keys(a, b, place)
    _, rows_a, rows_b = np.intersect1d(keys_a, keys_b, assume_unique=True, return_indices=True)
    spot_of = np.array([place.get(_spot(cell), -1) for cell in a.cells], np.intp)
    ends = np.searchsorted(spot_of[a.cell[rows_a]], np.arange(len(common) + 1))
    seeds = np.array([cell.seed for cell in a.cells], np.intp)
    found = []
    for i, spot in enumerate(common):
        own, other = rows_a[ends[i] : ends[i + 1]], rows_b[ends[i] : ends[i + 1]]
        cell = _first(spots_a[spot], spots_b[spot])
        here, there = (_rows(spots[spot], count) for spots, count in sides)
        found.append(
            Match(
                cell, own, other, seeds[a.cell[own]], a.case[own], a.repeat[own],
                sum(there[seed] for seed in here.keys() & there.keys()) - len(own),
                sum(here[seed] for seed in here.keys() & there.keys()) - len(own),
            )
        )  # fmt: skip
    return found


def _rows(cells: Sequence[Cell], count: Mapping[str, int]) -> dict[int, int]:
    """Return how many rows every seed of an operating point has."""
    return {cell.seed: count[cell.key] for cell in cells}


def _count(table: Table) -> dict[str, int]:
    """Return how many rows every cell has, by its key."""
    rows = np.bincount(table.cell, minlength=len(table.cells)).tolist()
    return {cell.key: number for cell, number in zip(table.cells, rows, strict=True)}


def unmatched_cells(a: Table, b: Table) -> UnmatchedCells:
    """Return the cells, seed by seed, that only one of the two tables holds."""
    ours = {(_spot(cell), cell.seed): cell for cell in a.cells}
    theirs = {(_spot(cell), cell.seed): cell for cell in b.cells}
    return UnmatchedCells(
        tuple(ours[name] for name in sorted(ours.keys() - theirs.keys())),
        tuple(theirs[name] for name in sorted(theirs.keys() - ours.keys())),
    )


def count_other_instances(match: Match, a: Table, b: Table) -> int:
    """Return how many of the pairs are different instances, as far as both tables tell."""
    if IDENTITY not in a.columns or IDENTITY not in b.columns:
        return 0
    ours, theirs = a.columns[IDENTITY][match.a], b.columns[IDENTITY][match.b]
    known = ~(np.isnan(ours) | np.isnan(theirs))
    return int(np.count_nonzero(known & (ours != theirs)))


def _spot(cell: Cell) -> Spot:
    return cell.task, cell.method, cell.scale, order(cell.conditions), order(cell.point)


def _spots(cells: Sequence[Cell]) -> dict[Spot, list[Cell]]:
    found: dict[Spot, list[Cell]] = defaultdict(list)
    for cell in cells:
        found[_spot(cell)].append(cell)
    return found


def _first(ours: Sequence[Cell], theirs: Sequence[Cell]) -> Cell:
    """Return our cell of the lowest common seed; without one, that of our lowest seed."""
    other = {cell.seed for cell in theirs}
    return min(ours, key=lambda cell: (cell.seed not in other, cell.seed))


def _keys(a: Table, b: Table, place: Mapping[Spot, int]) -> Iterator[IntArray]:
    """Yield a number for every row of either table, equal for the same row of both.

    It rises with (operating point, seed, case, repeat); rows of a point that is not common, or
    of a seed that the other run has not, get numbers that are nobody else's.
    """
    seeds = sorted({cell.seed for table in (a, b) for cell in table.cells})
    rank = {seed: i for i, seed in enumerate(seeds)}
    cases, repeats = _size(a.case, b.case), _size(a.repeat, b.repeat)
    strange = len(place)
    for table in (a, b):
        turn = []
        for cell in table.cells:
            spot = place.get(_spot(cell))
            if spot is None:
                spot, strange = strange, strange + 1
            turn.append(spot * len(seeds) + rank[cell.seed])
        first = np.array(turn, np.int64)[table.cell] if turn else np.empty(0, np.int64)
        # int64 holds it: operating points x seeds x cases x repeats stay far below 9e18
        yield (first * cases + table.case) * repeats + table.repeat


def _size(one: IntArray, other: IntArray) -> int:
    return 1 + max((int(column.max()) for column in (one, other) if len(column)), default=0)

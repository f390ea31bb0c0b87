"""From raw records to what statistics may use: repeats collapsed, operating points told apart.

A `Leaf` is one case of one seed under one method's operating point. Only records of solving
that ended well become leaves. Repeats measure the same thing again, so they collapse first:
to the median for timings, energies and bytes (`*_s`, `*_j`, `*_bytes`), to the mean for
counts and scores, which are equal over repeats anyway. Leaves come sorted, so everything
computed from them is the same for the same set of records in any order.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from adabench.harness.card import Card, Metric, Point
from adabench.harness.record import Record
from adabench.harness.stats import FloatArray, Place

Key = tuple[tuple[str, int, float, str], ...]
Setting = tuple[str, Key, Key]
"""A method under conditions at a point: one dot on a plane."""

TIMED = ("_s", "_j", "_bytes")
UNITS = {"_s": "s", "_j": "J", "_bytes": "B"}
IDENTITY = "instance"
"""A digest of the case, not a measurement: leaves that differ in it do not pair."""


@dataclass(frozen=True)
class Leaf:
    """One case of one seed at one operating point, its repeats collapsed."""

    task: str
    method: str
    scale: str
    point: Point
    conditions: Point
    place: Place
    values: Mapping[str, float]


def order(point: Point) -> Key:
    """Return a hashable key of a point; sorting by it puts numbers in numeric order."""
    return tuple(
        (name, 1, 0.0, value) if isinstance(value, str) else (name, 0, float(value), "")
        for name, value in sorted(point.items())
    )


def collapse(records: Iterable[Record]) -> tuple[Leaf, ...]:
    """Return the leaves of all records of solving that are ok, sorted."""
    repeats: dict[tuple[str, str, Key, Key, str, int, int], list[Record]] = defaultdict(list)
    for record in records:
        if record.phase == "solve" and record.status == "ok":
            cell = record.cell
            where = (order(cell.conditions), order(cell.point), cell.scale, cell.seed, record.case)
            repeats[cell.task, cell.method, *where].append(record)
    return tuple(_leaf(repeats[key]) for key in sorted(repeats))


def _leaf(repeats: Sequence[Record]) -> Leaf:
    first = min(repeats, key=lambda record: record.repeat)
    names = sorted({name for record in repeats for name in record.values})
    return Leaf(
        first.cell.task,
        first.cell.method,
        first.cell.scale,
        first.cell.point,
        first.cell.conditions,
        Place(first.cell.seed, min(record.group for record in repeats), first.case),
        {name: _collapsed(name, repeats) for name in names},
    )


def _collapsed(name: str, repeats: Sequence[Record]) -> float:
    values = [float(record.values[name]) for record in repeats if name in record.values]
    if min(values) == max(values):
        return values[0]
    return median(values) if name.endswith(TIMED) else math.fsum(values) / len(values)


def unit_of(name: str, card: Card) -> str:
    """Return a metric's unit: the task's word for it, else the one its name ends in."""
    metric = metric_of(name, card)
    if metric is not None:
        return metric.unit
    return next((unit for end, unit in UNITS.items() if name.endswith(end)), "")


def metric_of(name: str, card: Card) -> Metric | None:
    """Return the task's metric called `name`, if it declares one."""
    return next((metric for metric in card.metrics if metric.name == name), None)


def settings(leaves: Iterable[Leaf], names: Sequence[str]) -> dict[Setting, dict[Place, Leaf]]:
    """Group the leaves that hold all `names` by operating point, in sorted order."""
    found: dict[Setting, dict[Place, Leaf]] = defaultdict(dict)
    for leaf in leaves:
        if all(name in leaf.values for name in names):
            setting = (leaf.method, order(leaf.conditions), order(leaf.point))
            found[setting][leaf.place] = leaf
    return dict(sorted(found.items()))


def shared_places(*groups: Mapping[Setting, Mapping[Place, Leaf]]) -> list[Place]:
    """Return the places that every setting of every group holds."""
    held = [set(places) for group in groups for places in group.values()]
    return sorted(set.intersection(*held)) if held else []


def table(
    group: Mapping[Setting, Mapping[Place, Leaf]], places: Sequence[Place], name: str
) -> FloatArray:
    """Return a metric as an array (places, settings)."""
    return np.array(
        [[leaves[place].values[name] for leaves in group.values()] for place in places], np.float64
    ).reshape(len(places), len(group))

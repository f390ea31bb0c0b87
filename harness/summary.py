"""The table of a run: each method at each operating point, its means and their intervals.

Rows stand in the order of task, method, conditions and point, whatever the order of the
records. Where a run holds several scales, the scale stands among the conditions.

Intervals of times, energies and sizes are taken on the log scale: they cannot reach below zero.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from adabench.harness.card import Card
from adabench.harness.findings import Estimate, SummaryRow
from adabench.harness.leaf import IDENTITY, Key, Leaf, order, unit_of
from adabench.harness.stats import FloatArray, Statistic, bootstrap, means

TIMED = ("_s", "_j", "_bytes")
TIMING = frozenset({"loops", "samples", "samples_dropped", "latency_half_width", "cpu_pressure"})
"""How a case was timed and what disturbed it: in every record, but not a result."""


def summarise(leaves: Sequence[Leaf], task_cards: Mapping[str, Card]) -> tuple[SummaryRow, ...]:
    """Return a row for every operating point in the leaves."""
    several = len({leaf.scale for leaf in leaves}) > 1
    rows: dict[tuple[str, str, str, Key, Key], list[Leaf]] = defaultdict(list)
    for leaf in leaves:
        key = (leaf.task, leaf.method, leaf.scale, order(leaf.conditions), order(leaf.point))
        rows[key].append(leaf)
    return tuple(_row(rows[key], task_cards[key[0]], several) for key in sorted(rows))


def _row(leaves: Sequence[Leaf], card: Card, several: bool) -> SummaryRow:
    first = leaves[0]
    scale = {"scale": first.scale} if several else {}
    return SummaryRow(
        first.task,
        first.method,
        dict(first.point),
        {**first.conditions, **scale},
        _estimates(leaves, card),
    )


def _estimates(leaves: Sequence[Leaf], card: Card) -> dict[str, Estimate]:
    """Estimate every metric; those held by the same leaves are resampled together."""
    together: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for name in sorted({name for leaf in leaves for name in leaf.values} - {IDENTITY, *TIMING}):
        held = tuple(i for i, leaf in enumerate(leaves) if name in leaf.values)
        together[held].append(name)
    found: dict[str, Estimate] = {}
    for held, names in together.items():
        own = [leaves[i] for i in held]
        columns = np.array([[leaf.values[name] for name in names] for leaf in own], np.float64)
        logged = [name.endswith(TIMED) and bool(columns[:, k].min() > 0)
                  for k, name in enumerate(names)]  # fmt: skip
        intervals = bootstrap([leaf.place for leaf in own], _partly_logged(columns, logged))
        for name, interval, is_log in zip(names, intervals, logged, strict=True):
            value, low, high = (math.exp(x) if is_log and x is not None else x for x in interval)
            found[name] = Estimate(value or 0.0, low, high, len(own), unit_of(name, card))
    return dict(sorted(found.items()))


def _partly_logged(columns: FloatArray, logged: Sequence[bool]) -> Statistic:
    """Return the means of the columns, as logarithms where `logged`."""
    mean, where = means(columns), np.asarray(logged)

    def statistic(weights: FloatArray) -> FloatArray:
        found = mean(weights).copy()
        found[:, where] = np.log(found[:, where])
        return found

    return statistic

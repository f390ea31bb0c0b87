"""The table of a run: each method at each operating point, its means and their intervals.

Rows stand in the order of task, method, conditions and point, whatever the order of the
records. Where a run holds several scales, the scale stands among the conditions.

Intervals of times, energies and sizes are taken on the log scale: they cannot reach below zero.

A metric that is declared as one over another (`Metric.per`) is a ratio of their means.

What a metric is declared to be says whether it is a share of cases, not the values that it happens to
have: a quality without a unit of things, all zeros and ones. A count whose values are all 1 is no
share. Where nothing varied over cases and seeds, as with a counter that the case decides, there is
no scatter to draw an interval from, and none is given.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from adabench.harness.analysis.findings import Estimate, SummaryRow
from adabench.harness.analysis.operating_points import (
    IDENTITY,
    TIMED,
    OperatingPoint,
    ReplicateList,
    by_training,
    metric_of,
    unit_of,
)
from adabench.harness.contract.card import Card, Metric
from adabench.harness.stats.intervals import (
    FloatArray,
    Interval,
    Statistic,
    bootstrap,
    means,
    yes_or_no,
)
from adabench.profilers.compute.flops import UNCOUNTED

TIMING = frozenset(
    {"loops", "samples", "samples_dropped", "retakes", "latency_half_width", "cpu_pressure"}
)
"""How a case was timed and what disturbed it: in every record, but not a result."""
SHARES = ("", "1", "share")
"""Units of a mean of yes and no; a count has a unit of things."""


def summarise(
    dots: Sequence[OperatingPoint], task_cards: Mapping[str, Card]
) -> tuple[SummaryRow, ...]:
    """Return a row for every operating point."""
    several = len({dot.scale for dot in dots}) > 1
    clustered = [own for dot in dots for own in by_training([dot], [dot], task_cards[dot.task])]
    ordered = sorted(clustered, key=lambda dot: (dot.task, dot.method, dot.scale, dot.setting))
    return tuple(_row(dot, task_cards[dot.task], several) for dot in ordered)


def _row(dot: OperatingPoint, card: Card, several: bool) -> SummaryRow:
    scale = {"scale": dot.scale} if several else {}
    return SummaryRow(
        dot.task,
        dot.method,
        dict(dot.point),
        {**dot.conditions, **scale},
        _estimates(dot, card),
    )


def _estimates(dot: OperatingPoint, card: Card) -> dict[str, Estimate]:
    """Estimate every metric; those held by the same leaves are resampled together."""
    together: dict[bytes, list[str]] = defaultdict(list)
    for name in dot.names:
        if name not in {IDENTITY, *TIMING} and not name.endswith(UNCOUNTED):
            together[dot.holds(name).tobytes()].append(name)
    found: dict[str, Estimate] = {}
    for names in together.values():
        own = dot.holding(*names)
        columns = np.stack([own.column(name) for name in names], axis=1)
        logged = [name.endswith(TIMED) and bool(columns[:, k].min() > 0)
                  for k, name in enumerate(names)]  # fmt: skip
        intervals = bootstrap(own.places, _partly_logged(columns, logged))
        for k, (name, is_log) in enumerate(zip(names, logged, strict=True)):
            interval = _honest(intervals[k], columns[:, k], own.places, metric_of(name, card))
            value, low, high = (math.exp(x) if is_log and x is not None else x for x in interval)
            found[name] = Estimate(value or 0.0, low, high, len(own), unit_of(name, card))
    return dict(sorted((found | _ratios(dot, card)).items()))


def _ratios(dot: OperatingPoint, card: Card) -> dict[str, Estimate]:
    """Estimate the ratios of means, where both were recorded and the second is not 0 throughout."""
    found = {}
    for metric in card.metrics:
        if not metric.per or not set(metric.per) <= set(dot.names):
            continue
        own = dot.holding(*metric.per)
        both = np.stack([own.column(name) for name in metric.per], axis=1)
        if len(own) and both[:, 1].any():
            ratio = bootstrap(own.places, _ratio(both))[0]
            found[metric.name] = Estimate(*ratio, len(own), metric.unit)
    return found


def _ratio(both: FloatArray) -> Statistic:
    """Return the mean of the first column over that of the second."""
    mean = means(both)

    def statistic(weights: FloatArray) -> FloatArray:
        over, under = mean(weights).T
        found = np.divide(over, under, out=np.full_like(over, np.inf), where=under > 0)
        return np.asarray(found[:, None], np.float64)

    return statistic


def _honest(
    found: Interval, column: FloatArray, places: ReplicateList, metric: Metric | None
) -> Interval:
    """Widen the interval of a share of cases; withdraw that of anything else that never varied."""
    if is_share(metric) and bool(((column == 0) | (column == 1)).all()):
        return yes_or_no(found, column, places.seeds)
    return found if found.low != found.high else found._replace(low=None, high=None)


def is_share(metric: Metric | None) -> bool:
    """Say whether a metric is declared as one that cases have or have not: a right answer, a flag."""
    return metric is not None and metric.role in ("quality", "info") and metric.unit in SHARES


def _partly_logged(columns: FloatArray, logged: Sequence[bool]) -> Statistic:
    """Return the means of the columns, as logarithms where `logged`."""
    mean, where = means(columns), np.asarray(logged)

    def statistic(weights: FloatArray) -> FloatArray:
        found = mean(weights).copy()
        found[:, where] = np.log(found[:, where])
        return found

    return statistic

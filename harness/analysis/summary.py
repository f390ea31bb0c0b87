"""The table of a run: each method at each operating point, its means and their intervals.

Rows stand in the order of task, method, conditions and point, whatever the order of the
records. Where a run holds several scales, the scale stands among the conditions.

Intervals lie where their metric lies (`metric_range.py`): no cost is negative, no share above 1.

A metric that is declared as one over another (`Metric.per`) is a ratio of their means.

What a metric is declared to be says whether it is a share of cases, not the values that it happens to
have: a quality without a unit of things, all zeros and ones. A count whose values are all 1 is no
share. Where nothing varied over cases and seeds, as with a counter that the case decides, there is
no scatter to draw an interval from, and none is given.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from adabench.harness.analysis.findings import Estimate, SummaryRow
from adabench.harness.analysis.independent_units import with_units
from adabench.harness.analysis.metric_range import (
    ANYWHERE,
    POSITIVE,
    clip,
    from_open_scale,
    is_share,
    on_open_scale,
    range_of,
)
from adabench.harness.analysis.operating_points import IDENTITY, OperatingPoint, metric_of, unit_of
from adabench.harness.analysis.replicates import ReplicateList
from adabench.harness.contract.card import Card, Metric
from adabench.harness.stats.intervals import FloatArray, Interval, Statistic, means, yes_or_no
from adabench.profilers.compute.flops import UNCOUNTED

TIMING = frozenset(
    {"loops", "samples", "samples_dropped", "retakes", "latency_half_width", "cpu_pressure"}
)
"""How a case was timed and what disturbed it: in every record, but not a result."""


def summarise(
    dots: Sequence[OperatingPoint],
    task_cards: Mapping[str, Card],
    method_cards: Mapping[str, Card],
) -> tuple[SummaryRow, ...]:
    """Return a row for every operating point."""
    several = len({dot.scale for dot in dots}) > 1
    clustered = [
        own
        for dot in dots
        for own in with_units(
            [dot], [dot], task_cards[dot.task], [method_cards[f"{dot.task}/{dot.method}"]]
        )
    ]
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
        for name, interval in zip(names, _intervals(names, columns, own.places, card), strict=True):
            found[name] = Estimate(*interval, own.places.cases, unit_of(name, card))
    return dict(sorted((found | _ratios(dot, card)).items()))


def _intervals(
    names: Sequence[str], columns: FloatArray, places: ReplicateList, card: Card
) -> list[Interval]:
    """Return the means of columns (n, k) of metrics, with intervals in their ranges."""
    metrics = [metric_of(name, card) for name in names]
    ends = [
        range_of(name, metric) for k, (name, metric) in enumerate(zip(names, metrics, strict=True))
    ]
    plain = means(columns)(np.ones((1, len(columns))))[0]
    inside = [
        own if own.low < value < own.high else ANYWHERE
        for own, value in zip(ends, plain.tolist(), strict=True)
    ]
    found = [
        from_open_scale(one, scale)._replace(estimate=value)
        for one, scale, value in zip(
            places.intervals(on_open_scale(means(columns), inside)),
            inside,
            plain.tolist(),
            strict=True,
        )
    ]
    lost = [k for k, one in enumerate(found) if one.low is None and inside[k] != ANYWHERE]
    if lost:  # too many resamples stand at an end, where an open scale has no value
        for k, one in zip(lost, places.intervals(means(columns[:, lost])), strict=True):
            found[k] = one
    return [
        clip(_honest(one, column, places, metric), own)
        for one, own, column, metric in zip(found, ends, columns.T, metrics, strict=True)
    ]


def _ratios(dot: OperatingPoint, card: Card) -> dict[str, Estimate]:
    """Estimate the ratios of means, where both were recorded and the second is not 0 throughout."""
    found = {}
    for metric in card.metrics:
        if not metric.per or not set(metric.per) <= set(dot.names):
            continue
        own = dot.holding(*metric.per)
        both = np.stack([own.column(name) for name in metric.per], axis=1)
        if len(own) and both[:, 1].any():
            mean = _ratio(both)(np.ones((1, len(both))))[0, 0]
            ends = POSITIVE if mean > 0 and both.min() >= 0 else ANYWHERE
            ratio = from_open_scale(
                own.places.intervals(on_open_scale(_ratio(both), [ends]))[0], ends
            )
            found[metric.name] = Estimate(*ratio, own.places.cases, metric.unit)
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
    yes_or_no_only = bool(((column == 0) | (column == 1)).all())
    if is_share(metric) and yes_or_no_only and not places.fixed:
        return yes_or_no(found, column, places.clusters)
    return found if found.low != found.high else found._replace(low=None, high=None)

"""Realised speedup: how much of the work that a method saves becomes time, or energy.

    realised speedup = ln(latency ratio) / ln(work ratio)

of the method's default point against what it saves from: 1 if all saved work became time, 0 if none
did, negative if the method became slower for all its saving. *Work* is the counter that the task's
card names (`Card.speedup_work`), FLOPs where they are counted, and each row says which. A method
that leaves out parts of one static method (`Card.skips_from`) is compared with that one at its
default. Any other is compared with the static mixture of its own backbone (`gap_anchors.py`) that
has its quality; the mixture's latency is the mean of its two settings', weighted as they are mixed.
A task's conditions (prefill, decode, another width) get a row each.

One word says why there is no number, and `remark` says it in full:

    unrelated    the task's latency is not that of the work it counts (`Card.no_speedup`)
    unrecorded   work, quality or time was not recorded by both, or not on the same cases
    unreached    no static mixture has the method's quality
    quality      its quality is below that of the method it saves from by more than the task's margin
    unsaved      it does at least 0.9 of the work: there is nothing to become time

Energy counts only where a counter measured it, never an estimate. All means are over the cases that
the method and every static setting solved; the interval redraws those cases, mixture included.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from adabench.harness.analysis.findings import SpeedupRow
from adabench.harness.analysis.gap_anchors import Anchors, anchors
from adabench.harness.analysis.operating_points import OperatingPoint, Setting, shared_places, table
from adabench.harness.analysis.quality_cost_plot import (
    Dots,
    bracket,
    corners,
    label,
    mix,
    settled_value,
)
from adabench.harness.analysis.replicates import ReplicateList
from adabench.harness.contract.card import Card, Point
from adabench.harness.stats.intervals import FloatArray, Statistic, means

SAVED = 0.9
"""Nearer to 1 than this a ratio of logarithms would be a quotient of two noises."""
MEASURED = ("latency_s", "energy_j")
SLACK = 1e-12
Side = list[FloatArray]
"""Work, quality and time (places, settings) of one side."""


def realised_speedups(
    dots: Sequence[OperatingPoint], task_cards: Mapping[str, Card], method_cards: Mapping[str, Card]
) -> tuple[SpeedupRow, ...]:
    """Return a row for each adaptive method and measured metric, sorted by address."""
    return tuple(
        replace(_speedup(one, metric), conditions=conditions)
        for conditions, some in _views(dots, task_cards)
        for one in anchors(some, task_cards, method_cards, "adaptive")
        for metric in MEASURED
        if any(dot.holds(metric).any() for dot in one.drawn)
    )


def _views(
    dots: Sequence[OperatingPoint], task_cards: Mapping[str, Card]
) -> Iterator[tuple[Point, list[OperatingPoint]]]:
    """Yield each task's dots, then those at every other value of each of its conditions."""
    for task in sorted({dot.task for dot in dots}):
        card, own = task_cards[task], [dot for dot in dots if dot.task == task]
        yield {}, own
        for knob in card.knobs if not card.no_speedup else ():
            usual = settled_value(knob.name, knob.default, own)
            for value in knob.values:
                there = [dot for dot in own if dot.conditions.get(knob.name) == value]
                if knob.name != card.budget and value != usual and there:
                    yield {knob.name: value}, there


def work_of(one: Anchors) -> str:
    """Return the name of the counter that is the work."""
    return one.card.speedup_work or one.cost.name


def compared(one: Anchors, metric: str) -> tuple[Dots, Dots]:
    """Return the dots that a method is compared with, and the method's default point."""
    values, whole = (work_of(one), metric), one.cards[one.method].skips_from
    against: Dots = one.side(one.gap.mixture, *values)
    if whole:
        against = one.default_of(whole, *values)
    return against, one.default(*values)


def _speedup(one: Anchors, metric: str) -> SpeedupRow:
    against, own = compared(one, metric)
    row = SpeedupRow(one.task, one.method, metric, work_of(one), None, None, None)
    if one.card.no_speedup:
        return replace(row, reason="unrelated", remark=one.card.no_speedup)
    names = f"{row.work}, {one.quality.name} and {metric}"
    whole = one.cards[one.method].skips_from or "a static method of its backbone"
    for dots, who in ((own, f"{one.method} at its default point"), (against, whole)):
        if not dots:
            return replace(row, reason="unrecorded", remark=f"{who} has no record of {names}")
    places = shared_places(against, own)
    if not places:
        return replace(row, reason="unrecorded", remark="no case was solved by both sides")
    return _realised(replace(row, n=len(places)), one, (against, own), places)


def columns(one: Anchors, dots: Dots, places: ReplicateList, metric: str) -> Side:
    """Return work, quality and time of one side."""
    return [table(dots, places, name) for name in (work_of(one), one.quality.name, metric)]


def _realised(
    row: SpeedupRow, one: Anchors, sides: tuple[Dots, Dots], places: ReplicateList
) -> SpeedupRow:
    """Fill in the work ratio and, where it is telling, the realised speedup."""
    static, own = (columns(one, dots, places, row.metric) for dots in sides)
    if one.cards[one.method].skips_from:
        lost = one.sign * float(static[1].mean() - own[1].mean())
        differs = f"{one.quality.name} differs by {-one.sign * lost:+.3g}" if lost else ""
        if lost > one.card.quality_margin:
            margin = f"the margin is {one.card.quality_margin:g}"
            return replace(row, reason="quality", remark=f"{differs}; {margin}")
        row = replace(row, remark=differs)
        own[1] = static[1]  # agrees within the margin; the remark says how nearly
    work, speedup = places.intervals(exponent(static, own, one.sign), "bca")
    if not math.isfinite(work.estimate):
        return replace(row, reason="unreached", remark=_unreached(one, static, own))
    against = _mixture(list(sides[0]), static, own, one.sign)
    row = replace(row, work_ratio=work.estimate, against=against)
    if work.estimate >= SAVED:
        unsaved = f"it does {work.estimate:.3f} of the work"
        remark = "; ".join(filter(None, [unsaved, row.remark]))
        return replace(row, reason="unsaved", remark=remark)
    if not math.isfinite(speedup.estimate):
        return replace(row, reason="unrecorded", remark=f"{row.metric} is not positive")
    return replace(row, speedup=speedup.estimate, low=speedup.low, high=speedup.high)


def exponent(static: Side, own: Side, sign: float) -> Statistic:
    """Return the statistic (work ratio, realised speedup), undefined out of the statics' reach."""
    ends = [static[0].shape[1] * i for i in (1, 2, 3)]
    ends += [3 * static[0].shape[1] + i for i in (1, 2)]
    mean = means(np.hstack(static + own))

    def statistic(weights: FloatArray) -> FloatArray:
        cost, quality, metric, work, reached, spent = np.split(mean(weights), ends, axis=1)
        hull, x, y = corners(cost, sign * quality)
        steps = bracket(y, sign * reached)
        outside = _outside(y, sign * reached)
        work_ratio = _quotient(work, mix(x, *steps), outside)
        ratio = _quotient(spent, mix(np.take_along_axis(metric, hull, 1), *steps), outside)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.log(ratio) / np.log(work_ratio)
        return np.hstack([work_ratio, np.where(np.isfinite(found), found, np.nan)])

    return statistic


def _outside(ladder: FloatArray, at: FloatArray) -> FloatArray:
    """Say in each row whether `at` (r, 1) lies beyond the ends of `ladder` (r, v)."""
    low, high = ladder[:, :1], ladder[:, -1:]
    slack = SLACK * np.maximum(np.abs(low), np.abs(high))
    return np.asarray((at < low - slack) | (at > high + slack), np.float64)


def _quotient(top: FloatArray, bottom: FloatArray, outside: FloatArray) -> FloatArray:
    good = (top > 0) & (bottom > 0) & (outside == 0)
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=good)


def _mixture(names: list[Setting], static: Side, own: Side, sign: float) -> str:
    """Name the one or two static settings whose mixture has the method's quality."""
    cost, quality = (column.mean(axis=0, keepdims=True) for column in static[:2])
    hull, _, y = corners(cost, sign * quality)
    below, above, share = bracket(y, sign * own[1].mean(axis=0, keepdims=True))
    ends = [hull[0, below[0, 0]]] if share[0, 0] < 1 else []
    ends += [hull[0, above[0, 0]]] if share[0, 0] > 0 else []
    return " + ".join(label(names[end]) for end in ends)


def _unreached(one: Anchors, static: Side, own: Side) -> str:
    """Say why there is no work ratio."""
    quality = static[1].mean(axis=0, keepdims=True)
    _, _, y = corners(static[0].mean(axis=0, keepdims=True), one.sign * quality)
    reached, ends = float(own[1].mean()), sorted(one.sign * y[0, [0, -1]])
    if _outside(y, np.array([[one.sign * reached]]))[0, 0]:
        reach = f"{ends[0]:.4g} to {ends[1]:.4g}"
        name = one.quality.name
        return f"no static mixture has its {name} of {reached:.4g}: they reach {reach}"
    return f"{work_of(one)} is not positive: it has no ratio"

"""How a `Monotone` and a `Frontier` are ruled upon.

*Monotone.* Mean rank correlation, signed by the promise. Reproduced: its interval lies above
0 and the mean curve never steps back by more than the tolerance of its range. Direction only:
it does step back. Not reproduced: the interval lies below 0, or the curve is constant.

*Frontier.* Mean height of one step front over the other. Reproduced: the interval lies above 0
and the mean reaches the margin. Direction only: it does not. Not reproduced: not above 0.

`Monotone` ranks each case's own curve over the knob (Spearman, signed by the promised
direction; a constant curve ranks 0), so that cases of very different size weigh alike.
Only cases that hold the whole curve enter, or a missing point would look like a step.

`Frontier` compares step fronts (the best quality at no more than this cost, no mixing):
the mean vertical distance over the costs that both sides reach, exactly. Where the ranges
do not meet, the distance is taken at the dearer side's least cost.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from adabench.harness.analysis.claims.evidence import Evidence, Ruling, ruling_on_unrecorded
from adabench.harness.analysis.claims.ratio import SLACK, by_place, more_seeds
from adabench.harness.analysis.operating_points import (
    Key,
    OperatingPoint,
    ReplicateList,
    metric_of,
    order,
    settings,
    shared_places,
    table,
)
from adabench.harness.contract.card import Frontier, Knob, Monotone, Scalar
from adabench.harness.stats.intervals import FloatArray, IntArray, Interval, bootstrap, means


class Curves(NamedTuple):
    """Whole curves over a knob, a row each: where it stands, the knob's values, the metric's."""

    places: ReplicateList
    x: FloatArray
    """(n, width)"""
    y: FloatArray
    """(n, width)"""


def rule_monotone(claim: Monotone, method: str, evidence: Evidence) -> Ruling:
    """Rule on `claim` of `method`."""
    dots = evidence.of(method, claim.where, groups=claim.groups, free=(claim.over,))
    if not dots:
        reason = evidence.why_none(method, claim.where, claim.groups, (claim.over,))
        return Ruling("undecided", reason=reason)
    dots = [dot for dot in (dot.holding(claim.metric) for dot in dots) if len(dot)]
    if not dots:
        return ruling_on_unrecorded(claim.metric)
    knob = evidence.methods[method].knob(claim.over) or evidence.card.knob(claim.over)
    if knob is None:
        return Ruling("undecided", reason=f"neither method nor task has a knob {claim.over}")
    curves = _curves(claim.metric, knob, dots)
    if curves.x.shape[1] < 2:
        values = ",".join(str(value) for value in knob.values)
        return Ruling("undecided", reason=f"needs a sweep: --sweep {knob.name}={values}")
    return _monotone(claim, curves)


def _curves(metric: str, knob: Knob, dots: Sequence[OperatingPoint]) -> Curves:
    """Return each case's curve over the knob, one for each setting of everything else.

    Those that are as long as the longest, that is.
    """
    ladders: dict[tuple[Key, Key], dict[float, OperatingPoint]] = defaultdict(dict)
    for dot in dots:
        conditions, point = dict(dot.conditions), dict(dot.point)
        value = point.pop(knob.name, conditions.get(knob.name, knob.default))
        conditions.pop(knob.name, None)
        ladders[order(conditions), order(point)][_abscissa(value, knob)] = dot
    found = [_ladder(metric, ladders[key]) for key in sorted(ladders)]
    width = max(int((~np.isnan(y)).sum(axis=1).max()) for _, _, y in found)
    whole = [(n, x, y, ~np.isnan(y)) for n, x, y in found]
    kept = [(n, x, y, held, held.sum(axis=1) == width) for n, x, y, held in whole]
    return Curves(
        ReplicateList(dots[0].leaves.where, np.concatenate([n[own] for n, _, _, _, own in kept])),
        np.concatenate([x[own][held[own]].reshape(-1, width) for _, x, _, held, own in kept]),
        np.concatenate([y[own][held[own]].reshape(-1, width) for _, _, y, held, own in kept]),
    )


def _ladder(
    metric: str, dots: dict[float, OperatingPoint]
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the places of some dots, the knob's value at each dot, and the metric's: (n, dots)."""
    steps = sorted(dots)
    numbers = np.unique(np.concatenate([dots[step].places.numbers for step in steps]))
    y = np.full((len(numbers), len(steps)), np.nan)
    for k, step in enumerate(steps):
        y[np.searchsorted(numbers, dots[step].places.numbers), k] = dots[step].column(metric)
    return numbers, np.broadcast_to(np.array(steps), y.shape), y


def _abscissa(value: Scalar, knob: Knob) -> float:
    """Return a number to sort by; words stand in the order of the card."""
    if isinstance(value, str):
        return float(knob.values.index(value)) if value in knob.values else len(knob.values)
    return float(value)


def spearman(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the rank correlation of each row, mean ranks for ties; 0 if either is constant."""
    both = np.hstack([ranks(x), ranks(y)])
    # Ranks repeat where values do not: of a thousand cases few have an order of their own.
    patterns, which = np.unique(both, axis=0, return_inverse=True)
    width = x.shape[1]
    found = [_correlation(row[:width], row[width:]) for row in patterns]
    return np.array(found, np.float64)[which.ravel()]


def _correlation(x: FloatArray, y: FloatArray) -> float:
    if len(set(x.tolist())) < 2 or len(set(y.tolist())) < 2:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def ranks(rows: FloatArray) -> FloatArray:
    """Return the rank of each value in its row, 0 for the least; ties share."""
    from scipy.stats import rankdata  # here because only two of seven forms of claims need it

    return np.asarray(rankdata(rows, axis=1) - 1, np.float64)


def _monotone(claim: Monotone, curves: Curves) -> Ruling:
    sign = 1.0 if claim.rising else -1.0
    ranked = sign * spearman(curves.x, curves.y)
    places, rows = by_place(curves.places, np.hstack([ranked[:, None], curves.y]))
    interval, *levels = bootstrap(places, means(rows))
    mean_curve = sign * np.array([level.estimate for level in levels])
    span = float(np.ptp(mean_curve))
    back = float(-np.diff(mean_curve).min())
    word = Ruling("undecided", *interval, threshold=0.0, n=len(places))
    if span <= SLACK * float(np.abs(mean_curve).max()):
        return word._replace(verdict="not reproduced", reason="the curve is constant")
    if interval.low is None or interval.high is None:
        return word._replace(reason="one replicate only: run more seeds")
    if interval.high < 0:
        return word._replace(verdict="not reproduced", reason="it runs the other way")
    if interval.low <= 0:
        seeds = places.seeds
        reason = more_seeds(interval.estimate, interval.high - interval.low, seeds)
        return word._replace(reason=reason)
    if back > (claim.tolerance + SLACK) * span:
        reason = f"the mean curve steps back by {back / span:.2g} of its range"
        return word._replace(verdict="direction only", reason=reason)
    return word._replace(verdict="reproduced")


def rule_frontier(claim: Frontier, method: str, evidence: Evidence) -> Ruling:
    """Rule on `claim` of `method`."""
    if claim.against not in evidence.methods:
        return Ruling("undecided", threshold=claim.margin, reason=f"run {claim.against} too")
    sides = []
    for name in (method, claim.against):
        free = {knob.name for knob in evidence.methods[name].knobs} | {evidence.card.budget}
        dots = evidence.of(name, claim.where, groups=claim.groups, free=free)
        if not dots:
            reason = evidence.why_none(name, claim.where, claim.groups, free)
            return Ruling("undecided", threshold=claim.margin, reason=reason)
        sides.append(settings(dots, (claim.cost, claim.quality)))
        if not sides[-1]:
            return ruling_on_unrecorded(claim.cost)._replace(threshold=claim.margin)
    places = shared_places(*sides)
    if not len(places):
        reason = "no case was run at every operating point of both"
        return Ruling("undecided", threshold=claim.margin, reason=reason)
    quality = metric_of(claim.quality, evidence.card)
    sign = -1.0 if quality is not None and quality.better == "lower" else 1.0
    columns = [table(side, places, claim.cost) for side in sides]
    columns += [sign * table(side, places, claim.quality) for side in sides]
    return _frontier(claim, places, columns)


def _frontier(claim: Frontier, places: ReplicateList, columns: list[FloatArray]) -> Ruling:
    ends = np.cumsum([column.shape[1] for column in columns])[:-1]
    mean = means(np.hstack(columns))

    def distance(weights: FloatArray) -> FloatArray:
        cost, cost_against, quality, against = np.split(mean(weights), ends, axis=1)
        return _mean_distance(cost, quality, cost_against, against)[:, None]

    interval: Interval = bootstrap(places, distance)[0]
    ruling = Ruling("undecided", *interval, threshold=claim.margin, n=len(places))
    if interval.low is None or interval.high is None:
        return ruling._replace(reason="one replicate only: run more seeds")
    if interval.low > 0:
        met = interval.estimate >= claim.margin - SLACK
        reason = "" if met else f"above by {interval.estimate:.3g}, claimed {claim.margin:g}"
        return ruling._replace(verdict="reproduced" if met else "direction only", reason=reason)
    if interval.high <= 0:
        return ruling._replace(verdict="not reproduced", reason="the front does not lie above")
    seeds = places.seeds
    width = interval.high - interval.low
    return ruling._replace(reason=more_seeds(interval.estimate, width, seeds))


def _mean_distance(
    cost: FloatArray, quality: FloatArray, cost_against: FloatArray, against: FloatArray
) -> FloatArray:
    """Return how far the first step front lies above the second: arrays (r, p) to (r,)."""
    low = np.maximum(cost.min(axis=1), cost_against.min(axis=1))[:, None]
    high = np.minimum(cost.max(axis=1), cost_against.max(axis=1))[:, None]
    high = np.maximum(low, high)
    edges = np.sort(np.clip(np.hstack([cost, cost_against, low, high]), low, high), axis=1)
    gaps = _step(cost, quality, edges) - _step(cost_against, against, edges)
    widths = np.diff(edges, axis=1)
    total = widths.sum(axis=1)
    area = (widths * gaps[:, :-1]).sum(axis=1)
    mean = np.divide(area, total, out=gaps[:, 0].copy(), where=total > 0)
    return np.asarray(mean, np.float64)


def _step(cost: FloatArray, quality: FloatArray, at: FloatArray) -> FloatArray:
    """Return the best quality at no more than each cost: (r, p) and (r, k) to (r, k)."""
    reached = cost[:, None, :] <= at[:, :, None]
    return np.asarray(np.where(reached, quality[:, None, :], -np.inf).max(axis=2), np.float64)

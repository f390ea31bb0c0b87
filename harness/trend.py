"""How a `Monotone` and a `Frontier` are ruled upon; `verdict.py` states the rules.

`Monotone` ranks each case's own curve over the knob (Spearman, signed by the promised
direction; a constant curve ranks 0), so that cases of very different size weigh alike.
Only cases that hold the whole curve enter, or a missing point would look like a step.

`Frontier` compares step fronts (the best quality at no more than this cost, no mixing):
the mean vertical distance over the costs that both sides reach, exactly. Where the ranges
do not meet, the distance is taken at the dearer side's least cost.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from adabench.harness.card import Frontier, Knob, Monotone, Scalar
from adabench.harness.evidence import Evidence, Ruling, unrecorded
from adabench.harness.leaf import Key, Leaf, metric_of, order, settings, shared_places, table
from adabench.harness.ratio import SLACK, by_place, more_seeds
from adabench.harness.stats import FloatArray, Interval, Place, bootstrap, means

Curve = dict[float, float]


def rule_monotone(claim: Monotone, method: str, evidence: Evidence) -> Ruling:
    """Rule on `claim` of `method`."""
    leaves = evidence.of(method, claim.where, groups=claim.groups, free=(claim.over,))
    if not leaves:
        reason = evidence.why_none(method, claim.where, claim.groups, (claim.over,))
        return Ruling("undecided", reason=reason)
    leaves = [leaf for leaf in leaves if claim.metric in leaf.values]
    if not leaves:
        return unrecorded(claim.metric)
    knob = evidence.methods[method].knob(claim.over) or evidence.card.knob(claim.over)
    if knob is None:
        return Ruling("undecided", reason=f"neither method nor task has a knob {claim.over}")
    curves = _curves(claim.metric, knob, leaves)
    width = max((len(curve) for _, curve in curves), default=0)
    if width < 2:
        values = ",".join(str(value) for value in knob.values)
        return Ruling("undecided", reason=f"needs a sweep: --sweep {knob.name}={values}")
    return _monotone(claim, [(place, curve) for place, curve in curves if len(curve) == width])


def _curves(metric: str, knob: Knob, leaves: Sequence[Leaf]) -> list[tuple[Place, Curve]]:
    """Return each case's curve over the knob, one for each setting of everything else."""
    found: dict[tuple[Place, Key, Key], Curve] = defaultdict(dict)
    for leaf in leaves:
        conditions, point = dict(leaf.conditions), dict(leaf.point)
        value = point.pop(knob.name, conditions.get(knob.name, knob.default))
        conditions.pop(knob.name, None)
        key = (leaf.place, order(conditions), order(point))
        found[key][_abscissa(value, knob)] = leaf.values[metric]
    return [(key[0], dict(sorted(curve.items()))) for key, curve in sorted(found.items())]


def _abscissa(value: Scalar, knob: Knob) -> float:
    """Return a number to sort by; words stand in the order of the card."""
    if isinstance(value, str):
        return float(knob.values.index(value)) if value in knob.values else len(knob.values)
    return float(value)


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the rank correlation with mean ranks for ties; 0 if either is constant."""
    if len(set(x)) < 2 or len(set(y)) < 2:
        return 0.0
    return float(np.corrcoef(_ranks(x), _ranks(y))[0, 1])


def _ranks(values: Sequence[float]) -> FloatArray:
    column = np.asarray(values, np.float64)
    below = (column[None, :] < column[:, None]).sum(axis=1)
    equal = (column[None, :] == column[:, None]).sum(axis=1)
    return np.asarray(below + (equal - 1) / 2, np.float64)


def _monotone(claim: Monotone, curves: Sequence[tuple[Place, Curve]]) -> Ruling:
    sign = 1.0 if claim.rising else -1.0
    places, rows = by_place(
        (place, (sign * spearman(tuple(curve), tuple(curve.values())), *curve.values()))
        for place, curve in curves
    )
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
        seeds = len({place.seed for place in places})
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
        leaves = evidence.of(name, claim.where, groups=claim.groups, free=free)
        if not leaves:
            reason = evidence.why_none(name, claim.where, claim.groups, free)
            return Ruling("undecided", threshold=claim.margin, reason=reason)
        sides.append(settings(leaves, (claim.cost, claim.quality)))
        if not sides[-1]:
            return unrecorded(claim.cost)._replace(threshold=claim.margin)
    places = shared_places(*sides)
    if not places:
        reason = "no case was run at every operating point of both"
        return Ruling("undecided", threshold=claim.margin, reason=reason)
    quality = metric_of(claim.quality, evidence.card)
    sign = -1.0 if quality is not None and quality.better == "lower" else 1.0
    columns = [table(side, places, claim.cost) for side in sides]
    columns += [sign * table(side, places, claim.quality) for side in sides]
    return _frontier(claim, places, columns)


def _frontier(claim: Frontier, places: list[Place], columns: list[FloatArray]) -> Ruling:
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
    seeds = len({place.seed for place in places})
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

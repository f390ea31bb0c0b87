"""How a `Frontier` and a `Reach` are ruled upon.

*Frontier.* Mean height of one front over the other, over the costs that both sides reach; where the
ranges do not meet, at the dearer side's least cost. A front mixes settings at random, so a side with
few settings loses nothing between them.

*Reach.* The logarithm of the cost at which the method's own front has the rival's quality, over the
rival's cost. Where the front never gets there, there is no cost: then the difference to its best
setting decides between not reproduced and undecided.

*Choosing is not free.* Of many settings the best by the same cases looks better than it is, and more
so for the side with more of them. So cases are dealt to two halves: the settings of a front are chosen
on one and measured on the other, both ways.
"""

import math

import numpy as np

from adabench.harness.analysis.claims.evidence import Evidence, Ruling, ruling_on_unrecorded
from adabench.harness.analysis.claims.verdict_rule import one_replicate, rule
from adabench.harness.analysis.cost_quality_plane import bracket, mix
from adabench.harness.analysis.operating_points import (
    OperatingPoint,
    ReplicateList,
    Setting,
    metric_of,
    settings,
    shared_places,
    table,
)
from adabench.harness.contract.claim import Claim, bar
from adabench.harness.contract.expectations import Frontier, Reach
from adabench.harness.stats.intervals import (
    FloatArray,
    IntArray,
    Statistic,
    bootstrap,
    means,
    upper_hulls,
)

ENOUGH = 8
"""Places from which on they are dealt to two halves."""
Side = dict[Setting, OperatingPoint]


def rule_frontier(claim: Claim, method: str, evidence: Evidence) -> Ruling:
    """Rule on a `Frontier` of `method`."""
    expect = claim.expect
    assert isinstance(expect, Frontier)
    sides: list[Side] = []
    for name in (method, expect.against):
        found = _front(expect, name, evidence, bar(claim))
        if isinstance(found, Ruling):
            return found
        sides.append(found)
    places = shared_places(*sides)
    if not len(places):
        reason = "no case was run at every operating point of both"
        return Ruling("not run", bar=bar(claim), reason=reason)
    costs, qualities = _planes(expect, sides, places, evidence)
    found_ = bootstrap(places, _mean_distance(costs, qualities, _halves(places)))[0]
    return rule(claim, found_, places)


def rule_reach(claim: Claim, method: str, evidence: Evidence) -> Ruling:
    """Rule on a `Reach` of `method`."""
    expect = claim.expect
    assert isinstance(expect, Reach)
    ours = _front(expect, method, evidence, bar(claim))
    if isinstance(ours, Ruling):
        return ours
    at = {**expect.where, **expect.there}
    if expect.against not in evidence.methods:
        return Ruling("not run", bar=bar(claim), reason=f"run {expect.against} too")
    dots = evidence.of(expect.against, at, groups=expect.groups)
    theirs = settings(dots, (expect.cost, expect.quality))
    if not theirs:
        reason = evidence.why_none(expect.against, at, expect.groups, ())
        return Ruling("not run", bar=bar(claim), reason=reason)
    places = shared_places(ours, theirs)
    if not len(places):
        reason = "no case was run at every operating point of both"
        return Ruling("not run", bar=bar(claim), reason=reason)
    costs, qualities = _planes(expect, [ours, theirs], places, evidence)
    found, best = bootstrap(places, _cost_to_reach(costs, qualities, _halves(places)))
    if math.isfinite(found.estimate):
        return rule(claim, found, places)
    ruling = one_replicate(claim, None, len(places))
    reason = f"it reaches {expect.against}'s {expect.quality} at no recorded cost"
    far = best.high is not None and best.high < 0
    return ruling._replace(verdict="not reproduced" if far else "undecided", reason=reason)


def _front(
    expect: Frontier | Reach, name: str, evidence: Evidence, height: float | None
) -> Side | Ruling:
    """Return all operating points of a method, or the ruling that there are none."""
    if name not in evidence.methods:
        return Ruling("not run", bar=height, reason=f"run {name} too")
    free = {knob.name for knob in evidence.methods[name].knobs} | {evidence.card.budget}
    dots = evidence.of(name, expect.where, groups=expect.groups, free=free)
    if not dots:
        reason = evidence.why_none(name, expect.where, expect.groups, free)
        return Ruling("not run", bar=height, reason=reason)
    found = settings(dots, (expect.cost, expect.quality))
    return found or ruling_on_unrecorded(expect.cost)._replace(bar=height)


def _planes(
    expect: Frontier | Reach, sides: list[Side], places: ReplicateList, evidence: Evidence
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return costs and qualities (higher is better) of each side: arrays (places, settings)."""
    quality = metric_of(expect.quality, evidence.card)
    sign = -1.0 if quality is not None and quality.better == "lower" else 1.0
    costs = [table(side, places, expect.cost) for side in sides]
    return costs, [sign * table(side, places, expect.quality) for side in sides]


def _halves(places: ReplicateList) -> list[tuple[FloatArray, FloatArray]]:
    """Return masks (n,) of where to choose and where to measure, both ways."""
    n = len(places)
    if n < ENOUGH:
        return [(np.ones(n), np.ones(n))]
    one = np.zeros(n)
    one[np.argsort(places.numbers, kind="stable")[::2]] = 1.0
    return [(one, 1 - one), (1 - one, one)]


def _mean_distance(
    costs: list[FloatArray],
    qualities: list[FloatArray],
    halves: list[tuple[FloatArray, FloatArray]],
) -> Statistic:
    """Return the statistic: how far the first front lies above the second on the mean."""

    def statistic(weights: FloatArray) -> FloatArray:
        every = [_averages(cost, weights) for cost in costs]
        low = np.maximum(*(cost.min(axis=1) for cost in every))[:, None]
        high = np.maximum(low, np.minimum(*(cost.max(axis=1) for cost in every))[:, None])
        edges = np.sort(np.clip(np.hstack([*every, low, high]), low, high), axis=1)
        gaps = np.zeros_like(edges)
        for choose, measure in halves:
            ours, theirs = (
                _height(cost, quality, weights * choose, weights * measure, edges)
                for cost, quality in zip(costs, qualities, strict=True)
            )
            gaps += (ours - theirs) / len(halves)
        widths = np.diff(edges, axis=1)
        total = widths.sum(axis=1)
        area = (widths * (gaps[:, 1:] + gaps[:, :-1]) / 2).sum(axis=1)
        mean = np.divide(area, total, out=gaps[:, 0].copy(), where=total > 0)
        return np.asarray(mean[:, None], np.float64)

    return statistic


def _height(
    cost: FloatArray, quality: FloatArray, choose: FloatArray, measure: FloatArray, at: FloatArray
) -> FloatArray:
    """Return the quality at each cost of the front that `choose` picks and `measure` measures.

    Cost and quality are (n, settings), weights (r, n), costs asked for (r, k).
    """
    hull, x, y = _chosen(cost, quality, choose, measure)
    del hull
    return mix(y, *bracket(x, at))


def _chosen(
    cost: FloatArray, quality: FloatArray, choose: FloatArray, measure: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return a front's settings, and their costs and qualities where they are measured: (r, v)."""
    hull = upper_hulls(_averages(cost, choose), _averages(quality, choose))
    x = np.take_along_axis(_averages(cost, choose), hull, 1)
    return hull, x, np.take_along_axis(_averages(quality, measure), hull, 1)


def _averages(columns: FloatArray, weights: FloatArray) -> FloatArray:
    """Return weighted means (r, k) of columns (n, k); a half without a case counts as the whole."""
    empty = weights.sum(axis=1) == 0
    if empty.any():
        weights = np.where(empty[:, None], 1.0, weights)
    return means(columns)(weights)


def _cost_to_reach(
    costs: list[FloatArray],
    qualities: list[FloatArray],
    halves: list[tuple[FloatArray, FloatArray]],
) -> Statistic:
    """Return the statistic (log of cost needed over the rival's, best quality less the rival's)."""

    def statistic(weights: FloatArray) -> FloatArray:
        logs, best = np.zeros(len(weights)), np.zeros(len(weights))
        for choose, measure in halves:
            _, x, y = _chosen(costs[0], qualities[0], weights * choose, weights * measure)
            wanted = _averages(qualities[1], weights * measure)
            paid = _averages(costs[1], weights * measure)[:, 0]
            ladder = np.maximum.accumulate(y, axis=1)
            needed = mix(x, *bracket(ladder, wanted))[:, 0]
            reached = (ladder[:, -1:] >= wanted)[:, 0] & (needed > 0) & (paid > 0)
            quotient = np.divide(needed, paid, out=np.full_like(paid, np.nan), where=reached)
            logs += np.log(quotient) / len(halves)
            best += (ladder[:, -1:] - wanted)[:, 0] / len(halves)
        return np.stack([logs, best], axis=1)

    return statistic

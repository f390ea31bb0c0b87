"""How a `Frontier` and a `Reach` are ruled upon.

*Frontier.* Mean height of one front over the other, over the costs that both sides reach; where the
ranges do not meet, at the dearer side's least cost. A front mixes settings at random, so a side with
few settings loses nothing between them.

*Reach.* The logarithm of the cost at which the method's own front has the rival's quality, over the
rival's cost. Where the front never gets there, there is no cost: then the difference to its best
setting decides between not reproduced and undecided. It is less, or more, only where the front's quality
at the rival's own cost is better, or worse, for sure as well: costs interpolated on a flat front are rough.
What a paper leaves out of the bill (`less`) is taken off both sides, and of a side that has none nothing.

*Choosing is not free.* Of many settings the best by the same cases looks better than it is, and more
so for the side with more of them. So cases are dealt to two halves (trainings or seeds where there are
four or more). A front whose settings are chosen on one and measured on the other looks worse than it
is, if anything; one that is chosen on all cases looks better. The end of the interval that speaks for
the method comes from its front seen the first way and the rival's seen the second, the other end from
the reverse. The estimate lies between.
"""

import math

import numpy as np

from adabench.harness.analysis.claims.evidence import Evidence, Ruling, ruling_on_unrecorded
from adabench.harness.analysis.claims.unvaried import of_share
from adabench.harness.analysis.claims.verdict_rule import (
    Gap,
    least_worth,
    one_replicate,
    rule,
    said,
)
from adabench.harness.analysis.findings import VerdictWord
from adabench.harness.analysis.invalid_timings import CLOCKED
from adabench.harness.analysis.metric_range import SHARE, clip, is_share
from adabench.harness.analysis.operating_points import (
    OperatingPoint,
    Setting,
    metric_of,
    settings,
    shared_places,
    table,
)
from adabench.harness.analysis.quality_cost_plot import bracket, mix
from adabench.harness.analysis.replicates import ReplicateList
from adabench.harness.contract.claim import Claim, bar
from adabench.harness.contract.expectations import Frontier, Reach
from adabench.harness.stats.intervals import FloatArray, Interval, Statistic, means, upper_hulls

ENOUGH = 8
"""Places from which on they are dealt to two halves."""
ENOUGH_UNITS = 4
"""Trainings or seeds from which on these are dealt, with all their cases."""
NEVER = math.log(1e6)
"""The logarithm of a cost ratio that stands for "not at any recorded cost"."""
Side = dict[Setting, OperatingPoint]
Half = tuple[FloatArray | None, FloatArray | None]
"""Weights (n,) of the cases that choose, and of those that measure; None: all of them."""


class Averages:
    """Weighted means (r, k) of columns (n, k) over parts of the cases, each computed once."""

    def __init__(self, weights: FloatArray) -> None:
        """Take case weights (r, n)."""
        self.weights = weights
        self._found: dict[tuple[int, int], FloatArray] = {}
        self._parts: dict[int, FloatArray] = {}

    def of(self, columns: FloatArray, part: FloatArray | None) -> FloatArray:
        """Return the means over a part (n,) of the cases, or over all.

        Where a resample holds no case of the part, all of it counts.
        """
        key = id(columns), id(part)  # both outlive this object: they are those of the statistic
        if key not in self._found:
            self._found[key] = means(columns)(self._within(part))
        return self._found[key]

    def _within(self, part: FloatArray | None) -> FloatArray:
        if part is None:
            return self.weights
        if id(part) not in self._parts:
            own = self.weights * part
            empty = own.sum(axis=1) == 0
            whole = np.where(empty[:, None], self.weights, own) if empty.any() else own
            self._parts[id(part)] = whole
        return self._parts[id(part)]


def rule_frontier(claim: Claim, method: str, evidence: Evidence) -> Ruling:
    """Rule on a `Frontier` of `method`."""
    expect = claim.expect
    assert isinstance(expect, Frontier)
    sides: list[Side] = []
    for name in (method, expect.against):
        side = _front(expect, name, evidence, bar(claim))
        if isinstance(side, Ruling):
            return side
        sides.append(side)
    places = shared_places(*sides)
    note = _untimed(expect, method, evidence, len(places))
    if not len(places):
        reason = note or "no case was run at every operating point of both"
        return Ruling("not run", bar=bar(claim), reason=reason)
    costs, qualities = _costs_and_qualities(expect, sides, places, evidence)
    halves = _halves(places)
    pessimistic, optimistic, middle = places.intervals(_mean_distances(costs, qualities, halves))
    found = Interval(middle.estimate, pessimistic.low, optimistic.high)
    widened = of_share(found, places, expect.quality, evidence)
    if is_share(metric_of(expect.quality, evidence.card)):
        widened = clip(widened, SHARE.differences)
    return rule(claim, widened, places, worth=least_worth(claim, evidence.card), note=note)


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
    note = _untimed(expect, method, evidence, len(places))
    if not len(places):
        reason = note or "no case was run at every operating point of both"
        return Ruling("not run", bar=bar(claim), reason=reason)
    costs, qualities = _costs_and_qualities(expect, [ours, theirs], places, evidence)
    halves = _halves(places)
    pessimistic, optimistic, middle, best, behind, behind_least = places.intervals(
        _costs_to_reach(costs, qualities, halves)
    )
    if middle.estimate >= NEVER or pessimistic.estimate >= NEVER:
        reason = f"it reaches {expect.against}'s {expect.quality} at no recorded cost"
        far = best.high is not None and best.high < 0
        word: VerdictWord = "not reproduced" if far else "undecided"
        reason = said(reason, note)
        return one_replicate(claim, None, len(places))._replace(verdict=word, reason=reason)
    high = (
        pessimistic.high if pessimistic.high is None or pessimistic.high < NEVER / 2 else math.inf
    )
    found = Interval(middle.estimate, optimistic.low, high)
    gap = Gap(Interval(behind.estimate, behind_least.low, behind.high), 0.0)
    return rule(claim, found, places, gap=gap, worth=least_worth(claim, evidence.card), note=note)


def _untimed(expect: Frontier | Reach, method: str, evidence: Evidence, held: int) -> str:
    """Say how many cases a front of times does without: one invalid cell takes its seed from all settings."""
    declared = any(one.name == expect.cost and one.clocked for one in evidence.card.metrics)
    if not (declared or expect.cost.endswith(CLOCKED)):
        return ""
    sides = [(method, expect.where, False)]
    sides += [(expect.against, {**expect.where, **getattr(expect, "there", {})},
               isinstance(expect, Reach))]  # fmt: skip
    found = []
    for name, at, is_fixed in sides:
        knobs = {knob.name for knob in evidence.methods[name].knobs} | {evidence.card.budget}
        dots = evidence.of(name, at, groups=expect.groups, free=() if is_fixed else knobs)
        found.append(settings(dots, (expect.quality,)))
    whole = len(shared_places(*found))
    if whole <= held:
        return ""
    return (
        f"{whole - held} of {whole} cases have no valid {expect.cost} at some operating point: "
        "repeat on a quiet machine"
    )


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


def _costs_and_qualities(
    expect: Frontier | Reach, sides: list[Side], places: ReplicateList, evidence: Evidence
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return costs and qualities (higher is better) of each side: arrays (places, settings)."""
    quality = metric_of(expect.quality, evidence.card)
    sign = -1.0 if quality is not None and quality.better == "lower" else 1.0
    costs = [table(side, places, expect.cost) for side in sides]
    less = getattr(expect, "less", "")
    if less:
        parts = (np.nan_to_num(table(side, places, less)) for side in sides)
        costs = [cost - part for cost, part in zip(costs, parts, strict=True)]
    return costs, [sign * table(side, places, expect.quality) for side in sides]


def _halves(places: ReplicateList) -> list[Half]:
    """Return masks (n,) of where to choose and where to measure, both ways.

    Units are dealt, or what a training does to a setting would be in both halves; of three units
    and less their cases.
    """
    n = len(places)
    if n < ENOUGH:
        return [(np.ones(n), np.ones(n))]
    numbers = places.units if places.clusters >= ENOUGH_UNITS else places.numbers
    _, units = np.unique(numbers, return_inverse=True)
    one = np.asarray(units % 2 == 0, np.float64)
    return [(one, 1 - one), (1 - one, one)]


def _mean_distances(
    costs: list[FloatArray], qualities: list[FloatArray], halves: list[Half]
) -> Statistic:
    """Return the statistic: how far the first front lies above the second on the mean.

    Three times: seen pessimistically, optimistically, and the middle of the two.
    """

    def statistic(weights: FloatArray) -> FloatArray:
        mean = Averages(weights)
        every = [mean.of(cost, None) for cost in costs]
        low = np.maximum(*(cost.min(axis=1) for cost in every))[:, None]
        high = np.maximum(low, np.minimum(*(cost.max(axis=1) for cost in every))[:, None])
        edges = np.sort(np.clip(np.hstack([*every, low, high]), low, high), axis=1)
        ours, theirs = zip(costs, qualities, strict=True)
        ends = [np.zeros(len(weights)) for _ in range(2)]
        for choose, measure in halves:  # both sides are measured on the same cases
            for end, ways in enumerate((((choose, measure), (None, measure)),
                                        ((None, measure), (choose, measure)))):  # fmt: skip
                gap = _height(*ours, mean, ways[0], edges)
                gap = gap - _height(*theirs, mean, ways[1], edges)
                ends[end] += _mean_over(edges, gap) / len(halves)
        return np.stack([*ends, (ends[0] + ends[1]) / 2], axis=1)

    return statistic


def _mean_over(edges: FloatArray, gaps: FloatArray) -> FloatArray:
    """Return the mean (r,) of a piecewise linear curve (r, k) over its edges."""
    widths = np.diff(edges, axis=1)
    total = widths.sum(axis=1)
    area = (widths * (gaps[:, 1:] + gaps[:, :-1]) / 2).sum(axis=1)
    return np.asarray(np.divide(area, total, out=gaps[:, 0].copy(), where=total > 0), np.float64)


def _height(
    cost: FloatArray, quality: FloatArray, mean: Averages, way: Half, at: FloatArray
) -> FloatArray:
    """Return the quality at each cost of a front that some cases choose and some measure.

    Cost and quality are (n, settings), costs asked for (r, k).
    """
    x, y = _chosen(cost, quality, mean, way)
    return mix(y, *bracket(x, at))


def _chosen(
    cost: FloatArray, quality: FloatArray, mean: Averages, way: Half
) -> tuple[FloatArray, FloatArray]:
    """Return the costs of a front's settings, and their qualities where they are measured: (r, v)."""
    choose, measure = way
    hull = upper_hulls(mean.of(cost, choose), mean.of(quality, choose))
    x = np.take_along_axis(mean.of(cost, None), hull, 1)
    y = np.take_along_axis(mean.of(quality, measure), hull, 1)
    by_cost = np.argsort(x, axis=1, kind="stable")
    return np.take_along_axis(x, by_cost, 1), np.take_along_axis(y, by_cost, 1)


def _costs_to_reach(
    costs: list[FloatArray], qualities: list[FloatArray], halves: list[Half]
) -> Statistic:
    """Return the statistic: logarithms of the cost needed over the rival's, and what is lacking.

    The costs seen pessimistically, optimistically and in the middle; the best quality less the
    rival's; and the rival's less that of the front at the rival's own cost, seen both ways.
    """

    def statistic(weights: FloatArray) -> FloatArray:
        sides = costs, qualities, Averages(weights)
        pessimistic, best, behind = _log_costs(*sides, halves)
        optimistic, _, behind_least = _log_costs(*sides, [(None, None)])
        never = np.maximum(pessimistic, optimistic) >= NEVER
        middle = np.where(never, NEVER, (pessimistic + optimistic) / 2)
        return np.stack([pessimistic, optimistic, middle, best, behind, behind_least], axis=1)

    return statistic


def _log_costs(
    costs: list[FloatArray], qualities: list[FloatArray], mean: Averages, ways: list[Half]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return log costs (r,), `NEVER` where the front does not get there, and what is lacking."""
    logs, best, behind = (np.zeros(len(mean.weights)) for _ in range(3))
    paid = mean.of(costs[1], None)
    for choose, measure in ways:
        x, y = _chosen(costs[0], qualities[0], mean, (choose, measure))
        wanted = mean.of(qualities[1], measure)
        ladder = _rising(x, y)
        needed = mix(x, *bracket(ladder, wanted))
        reached = (ladder[:, -1:] >= wanted) & (needed > 0) & (paid > 0)
        quotient = np.divide(needed, paid, out=np.ones_like(paid), where=reached)
        logs += np.where(reached, np.log(quotient), NEVER)[:, 0] / len(ways)
        best += (ladder[:, -1:] - wanted)[:, 0] / len(ways)
        behind += (wanted - mix(y, *bracket(x, paid)))[:, 0] / len(ways)
    return np.where(logs > NEVER / 4, NEVER, logs), best, behind


def _rising(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the rising curve nearest to y (r, v) in each row: isotonic regression.

    Not the largest value so far, which would choose again, on what was kept for measuring. A
    vertex that is repeated (its cost does not rise) has no weight.
    """
    weight = np.ones_like(y)
    weight[:, 1:] = np.diff(x, axis=1) > 0
    total = np.cumsum(np.pad(weight * y, ((0, 0), (1, 0))), axis=1)
    count = np.cumsum(np.pad(weight, ((0, 0), (1, 0))), axis=1)
    v = y.shape[1]
    found = np.full_like(y, -np.inf)
    for first in range(v):
        least = np.full(len(y), np.inf)
        for last in range(v - 1, first - 1, -1):
            many = count[:, last + 1] - count[:, first]
            sums = total[:, last + 1] - total[:, first]
            mean = np.divide(sums, many, out=np.full(len(y), np.inf), where=many > 0)
            least = np.minimum(least, mean)
            found[:, last] = np.maximum(found[:, last], np.where(many > 0, least, -np.inf))
    return np.asarray(np.maximum.accumulate(found, axis=1), np.float64)

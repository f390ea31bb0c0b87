"""Intervals, fronts and hulls: all the statistics of adabench, on plain arrays.

A statistic is a function of case weights: `weights` is (r, n), one row a resample, and the
result (r, k). Everything then resamples together, hulls and areas included. The unit of
replication is a case nested in a seed (a `Replicate`); what is left out or drawn depends on how
many seeds there are.

*Five seeds or more.* A unit is a seed with all its cases: whatever a seed does to them is in it.
*One seed, or cases pooled over seeds.* A unit is a case. Cases with a `group` (trace families, difficulties) are not
exchangeable: they are drawn within their group, so every group stays represented.
*Both*: the 95 % interval is the union of two. (a) The jackknife leaves out one unit at a time;
its pseudo-values are studentised and corrected for skew (`student_t.py`). (b) BCa from 2,000
resamples of one fixed stream (Efron 1987), widened for few units. The first holds where a
smooth statistic is skewed, the second where hulls have corners; `benchmarks/intervals.py` prints
what both hold, and they differ little: the union is some 4 % wider than BCa alone.

*Two to four trainings.* Student's t over them, from the jackknife: a balanced design of cases in trainings
has one mean square, and nothing is gained by looking below it.

*Two to four seeds.* Seeds are drawn with replacement, then cases within each drawn seed and
group; t over so few seeds alone would be of no use. A bootstrap of few seeds is too short, and
drawing at both levels in turn counts the cases' noise twice (Davison & Hinkley 1997, section
3.8). Both ends of BCa are therefore moved away from the estimate by `t(df) / z * sqrt(1 +
between / (seeds * total))`, with Satterthwaite's df from the variance between seeds (jackknife)
and what is left of the bootstrap's own; of three and four seeds by a quarter and a half more, so
that intervals do not widen with the fifth, where the units become fewer and their skewness counts.
`docs/log/statistics.md` has what they hold (`benchmarks/few_seeds.py`).

*Many.* Above 512 places nothing is resampled: the jackknife alone, over seeds or over 128
parts of the cases, costs a tenth and the skewness that BCa would correct is gone by then.

*Yes or no.* A share of n has no scatter to resample when all n agree: `share` gives its interval
(Agresti & Coull 1998). Where nothing can be drawn there is no interval.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from adabench.harness.stats.bca import Z975, bca
from adabench.harness.stats.bootstrap import (
    Strata,
    resample,
    resample_seeds,
    without_case,
    without_seed,
)
from adabench.harness.stats.student_t import Moments, interval, t975

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
Statistic = Callable[[FloatArray], FloatArray]
Method = Literal["union", "bca", "totals"]
"""Quotients of areas or logarithms are best left to BCa: there the jackknife reaches too far. In a ratio of
totals a few large cases weigh as much as all others: the jackknife counts so many units fewer."""

MANY = 512
"""Above it, resamples would cost 2,000 times the places and add nothing."""
ENOUGH_SEEDS = 5
"""From here on t is below 2.8 and seeds alone are the units."""
FURTHER = {3: 1.24, 4: 1.46}
"""So much further out lie the ends of a nested interval of three and of four seeds: the least with
which no sort of data has a mean interval that widens where seeds become the units."""
SPOILT = 0.025
"""Above this share of undefined resamples a percentile at 2.5 % has no meaning."""
ROUNDING = 1e-12
UNSEEN = 6.0
"""n values show a skewness of (n - 2) / sqrt(n - 1) at most, and usually far less than is there;
a quantity that cannot be negative is taken to be 1 + 6 / n times as skewed as it looks. The least
even number that holds the mean of a log-normal of sigma 1 at n = 10 (0.91 without)."""
UNSEEN_TOTALS = 20.0
"""The same of a ratio of totals, which has no sign to tell it by: so much that of 48 costs with exponential noise
no more than 3.5 % of intervals lie to one side of the truth."""
NORMAL_KURTOSIS = 3.0
"""Of normal influences; heavier ones count as so many fewer units as their kurtosis is greater."""


class Replicate(NamedTuple):
    """Where a replicate stands: a case of a group in a seed, and the independent unit that it is part of."""

    seed: int
    group: str
    case: int
    unit: int | None = None
    """Seeds of one training have one number, and pooled cases of all seeds; None: the seed is the unit."""

    @property
    def cluster(self) -> int:
        """The number of its independent unit."""
        return self.seed if self.unit is None else self.unit


class Interval(NamedTuple):
    """An estimate and its 95 % interval; `low` and `high` are None without replication."""

    estimate: float
    low: float | None
    high: float | None


class LeaveOneOut(NamedTuple):
    """A statistic with one unit left out, and the stratum of that unit: (u,) each."""

    values: FloatArray
    stratum: IntArray

    @property
    def peers(self) -> FloatArray:
        """How many units each unit's stratum has."""
        return np.asarray(np.bincount(self.stratum)[self.stratum], np.float64)

    @property
    def gap(self) -> FloatArray:
        """The values less the mean of their stratum."""
        mean = np.bincount(self.stratum, self.values)[self.stratum] / self.peers
        return np.asarray(self.values - mean, np.float64)


def bootstrap(
    places: Sequence[Replicate],
    statistic: Statistic,
    method: Method = "union",
    *,
    by_t: bool = False,
) -> list[Interval]:
    """Return the k estimates of `statistic` over `places` (n of them), with intervals.

    An estimate that is not finite comes back as NaN without an interval.

    Args:
        places: where the n values stand.
        statistic: of case weights.
        method: how the intervals of one unit, or of five and more, are made.
        by_t: of two to four units, whether their scatter alone counts, by Student's t: what a training
            does and what its cases do are then one mean square.
    """
    n = len(places)
    estimates = statistic(np.ones((1, n)))[0]
    strata = tuple((place.cluster, place.group) for place in places)
    seeds = tuple(seed for seed, _ in strata)
    different = len(set(seeds))
    if different == 1 and len(set(strata)) == n:
        return [Interval(float(estimate), None, None) for estimate in estimates]
    if 1 < different < ENOUGH_SEEDS and by_t:
        left = statistic(without_seed(seeds, n).weights)
        return [_by_t(float(one), left[:, k]) for k, one in enumerate(estimates)]
    if 1 < different < ENOUGH_SEEDS:
        return _nested(estimates, statistic, strata)
    weights, stratum = without_case(strata, MANY) if different == 1 else without_seed(seeds, MANY)
    left, drawn = statistic(weights), None
    if n <= MANY:
        drawn = statistic(resample(strata) if different == 1 else resample_seeds(seeds))
    return [
        _united(
            float(estimates[k]),
            None if drawn is None else drawn[:, k],
            LeaveOneOut(left[:, k], stratum),
            method,
        )
        for k in range(len(estimates))
    ]


def means(columns: FloatArray) -> Statistic:
    """Return the statistic "mean of each column" of an (n, k) array."""

    def statistic(weights: FloatArray) -> FloatArray:
        if len(weights) == 1:  # not BLAS: equal columns must have equal means, to the bit
            total = np.sum(columns * weights.T, axis=0, keepdims=True)
        else:
            total = weights @ columns
        return np.asarray(total / weights.sum(axis=1, keepdims=True), np.float64)

    return statistic


def share(yes: int, n: int) -> Interval:
    """Return the share of `yes` of n independent cases: two successes and failures are added.

    Exact coverage for shares of 0.005 to 0.995: mean 0.963 (n = 10), 0.959 (30), 0.955 (100),
    least 0.917, 0.934, 0.939; it steps between whole numbers of cases. Wilson's interval, which
    scipy has, is 3 % narrower, and its coverage falls to 0.835, 0.841 and 0.895 where nearly all
    cases agree, which is where accuracies of good methods lie. So this one stays.
    """
    center = (yes + 2) / (n + 4)
    half = Z975 * math.sqrt(center * (1 - center) / (n + 4))
    return Interval(yes / n, max(center - half, 0.0), min(center + half, 1.0))


def exact_share(yes: int, n: int) -> Interval:
    """Return the interval of Clopper and Pearson (1934): on neither side does it err more often than 2.5 %.

    That of `share` errs on one side in up to 3.7 % of worlds where a share is small (0.02 of 1,000).
    """
    from scipy.special import betaincinv  # here because --help must not load scipy

    low = float(betaincinv(yes, n - yes + 1, 0.025)) if yes else 0.0
    high = float(betaincinv(yes + 1, n - yes, 0.975)) if yes < n else 1.0
    return Interval(yes / n, low, high)


def yes_or_no(found: Interval, column: FloatArray, seeds: int) -> Interval:
    """Return the interval of a mean of zeros and ones, given that of `bootstrap`.

    Over one seed that of a share; over several at least that, or it would vanish without scatter.
    """
    least = share(round(float(column.sum())), len(column))
    if seeds == 1 or found.low is None or found.high is None:
        return least if seeds == 1 else found
    low, high = float(least.low or 0.0), float(least.high or 1.0)
    return Interval(found.estimate, max(min(found.low, low), 0.0), min(max(found.high, high), 1.0))


def _united(
    estimate: float, resamples: FloatArray | None, left: LeaveOneOut, method: Method
) -> Interval:
    """Return the union of the jackknife's interval and BCa's, if there are resamples."""
    if not math.isfinite(estimate):
        return Interval(estimate, None, None)
    spread = np.ptp(left.values) if resamples is None else np.ptp(resamples)
    if spread <= ROUNDING * max(abs(estimate), float(np.abs(left.values).max())):
        return Interval(estimate, estimate, estimate)
    wanted = method != "bca" or resamples is None
    known = bool(np.all(np.isfinite(left.values)) and np.ptp(left.values) > 0)
    ends = [_studentised(estimate, left, method)] if wanted and known else []
    if resamples is not None:
        finite = np.sort(resamples[np.isfinite(resamples)])
        if len(finite) < (1 - SPOILT) * len(resamples):
            return Interval(estimate, None, None)
        ends.append(bca(estimate, finite, left.values, _one_level(left)))
    if not ends:
        return Interval(estimate, None, None)
    return Interval(estimate, min(low for low, _ in ends), max(high for _, high in ends))


def _studentised(estimate: float, left: LeaveOneOut, method: Method) -> tuple[float, float]:
    """Return the interval from the units' influence on the estimate, stratum by stratum."""
    gap = left.gap * np.sqrt((left.peers - 1) / left.peers)
    df = _freedom(left)
    square, units = float(np.sum(gap**2)), df + 1
    if square <= (ROUNDING * float(np.abs(left.values).max())) ** 2:  # what differs is rounding
        return estimate, estimate
    bend = -float(np.sum(gap**3)) / square**1.5 * df**2 / (units * max(units - 2, 1))
    if method == "totals":
        units = min(units, NORMAL_KURTOSIS * square**2 / float(np.sum(gap**4)))
        df = max(units - 1, 1.0)
        bend *= 1 + UNSEEN_TOTALS / units
    elif _one_sided(estimate, left):
        bend *= 1 + UNSEEN / units
    found = Moments(*(np.array([x]) for x in (estimate, math.sqrt(square), bend, df)))
    low, high = interval(found)
    return float(low[0]), float(high[0])


def _by_t(estimate: float, left: FloatArray) -> Interval:
    """Return the jackknife's interval by Student's t: `left` (units,) is with one unit left out."""
    if not (math.isfinite(estimate) and np.all(np.isfinite(left))):
        return Interval(estimate, None, None)
    if np.ptp(left) <= ROUNDING * max(abs(estimate), float(np.abs(left).max())):
        return Interval(estimate, estimate, estimate)
    units = len(left)
    half = t975(units - 1) * math.sqrt((units - 1) * float(left.var()))
    return Interval(estimate, estimate - half, estimate + half)


def _one_sided(estimate: float, left: LeaveOneOut) -> bool:
    """Say whether all pseudo-values lie on one side of zero, as times, counts and costs do."""
    pseudo = estimate - (left.peers - 1) * left.gap
    return bool(np.all(pseudo > 0) or np.all(pseudo < 0))


def _freedom(left: LeaveOneOut) -> float:
    return float(np.sum((left.peers - 1) / left.peers))


def _one_level(left: LeaveOneOut) -> float:
    """Return how much too short BCa of these units is."""
    df = _freedom(left)
    return t975(df) / Z975 * math.sqrt(len(left.values) / df)


def _nested(estimates: FloatArray, statistic: Statistic, strata: Strata) -> list[Interval]:
    """Return the intervals of two to four seeds."""
    seeds = [seed for seed, _ in strata]
    by_seed = statistic(without_seed(seeds, MANY).weights)
    if len(strata) > MANY:
        return _summed(estimates, statistic, strata, by_seed)
    drawn = statistic(resample(strata))
    few = len(by_seed) < 3 <= len(strata)
    by_case = statistic(1.0 - np.eye(len(strata))) if few else by_seed
    return [
        _widened(float(estimates[k]), drawn[:, k], by_seed[:, k], by_case[:, k], len(strata))
        for k in range(len(estimates))
    ]


def _widened(
    estimate: float, resamples: FloatArray, by_seed: FloatArray, by_case: FloatArray, n: int
) -> Interval:
    """Return the widened BCa interval of one statistic over few seeds."""
    finite = np.sort(resamples[np.isfinite(resamples)])
    if not math.isfinite(estimate) or len(finite) < (1 - SPOILT) * len(resamples):
        return Interval(estimate, None, None)
    if finite[-1] - finite[0] <= ROUNDING * max(abs(finite[0]), abs(finite[-1])):
        return Interval(estimate, estimate, estimate)
    between = (len(by_seed) - 1) * float(by_seed.var())  # the jackknife's variance
    factor = _few_seeds(float(finite.var()), between, len(by_seed), n)
    return Interval(estimate, *bca(estimate, finite, by_case, factor))


def _few_seeds(total: float, between: float, seeds: int, n: int) -> float:
    """Return how far the ends of a nested interval move out: see the module's docstring."""
    more = FURTHER.get(seeds, 1.0)
    if not math.isfinite(between):
        return more * t975(seeds - 1) / Z975
    resampled = between * (seeds - 1) / seeds
    within = max(total - resampled, 0.0)
    spread = resampled**2 / (seeds - 1) + within**2 / max(n - seeds, 1)
    df = (resampled + within) ** 2 / spread
    return more * t975(max(df, 1.0)) / Z975 * math.sqrt(1 + between / (seeds * total))


def _summed(
    estimates: FloatArray, statistic: Statistic, strata: Strata, by_seed: FloatArray
) -> list[Interval]:
    """Return what `_nested` does for many places, symmetric, from jackknives at both levels."""
    weights, stratum = without_case(strata, MANY)
    left, seeds, found = statistic(weights), len(by_seed), []
    for k, estimate in enumerate(estimates):
        between = (seeds - 1) * float(by_seed[:, k].var())
        cases = LeaveOneOut(left[:, k], stratum)
        within = float(np.sum(cases.gap**2 * (cases.peers - 1) / cases.peers))
        total = between * (seeds - 1) / seeds + within
        if not math.isfinite(float(estimate) + total):
            found.append(Interval(float(estimate), None, None))
            continue
        center, error = float(estimate), math.sqrt(total)
        flat = error <= ROUNDING * max(abs(center), float(np.abs(cases.values).max()))
        half = 0.0 if flat else Z975 * error * _few_seeds(total, between, seeds, len(strata))
        found.append(Interval(center, center - half, center + half))
    return found


def pareto_front(cost: Sequence[float], quality: Sequence[float]) -> list[int]:
    """Return the indices of the points that no other beats, by rising cost.

    Lower cost and higher quality are better. Of equal points the first is kept.
    """
    front: list[int] = []
    for index in sorted(range(len(cost)), key=lambda i: (cost[i], -quality[i], i)):
        if not front or quality[index] > quality[front[-1]]:
            front.append(index)
    return front


def upper_hull(cost: Sequence[float], quality: Sequence[float]) -> list[int]:
    """Return the vertices, by rising cost, of the least concave rising curve over all points.

    Mixing two settings at random reaches every point between two vertices; free disposal
    (spending more for nothing) every point right of the last.
    """
    found = upper_hulls(np.asarray([cost], np.float64), np.asarray([quality], np.float64))
    return list(dict.fromkeys(found[0].tolist()))


def upper_hulls(cost: FloatArray, quality: FloatArray) -> IntArray:
    """Return `upper_hull` of each row of two (r, p) arrays: (r, v), the last vertex repeated."""
    rows = np.arange(len(cost))
    cheapest = cost == cost.min(axis=1, keepdims=True)
    vertex = np.argmax(np.where(cheapest, quality, -np.inf), axis=1)
    hull = [vertex]
    while True:
        run = cost - cost[rows, vertex][:, None]
        rise = quality - quality[rows, vertex][:, None]
        slope = np.divide(rise, run, out=np.full_like(rise, -np.inf), where=run > 0)
        best = np.argmax(slope, axis=1)
        climbs = slope[rows, best] > 0
        if not climbs.any():
            return np.stack(hull, axis=1)
        vertex = np.where(climbs, best, vertex)
        hull.append(vertex)

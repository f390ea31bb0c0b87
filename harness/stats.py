"""Intervals, fronts and hulls: all the statistics of adabench, on plain arrays.

*The interval.* The unit of replication is a case nested in a seed (a `Place`). The bootstrap
draws seeds with replacement, then cases within each drawn seed, 2,000 times from one fixed
stream, and takes the bias-corrected and accelerated (BCa) 95 % interval (Efron 1987), the
acceleration from a jackknife over seeds (over cases below three seeds). Cases with a `group`
(trace families, difficulties) are not exchangeable: they are drawn within (seed, group), so
every group stays represented and, with one case a group, the interval reflects seeds alone.
With one seed only cases are drawn; where nothing can be drawn there is no interval.

*Few seeds.* A bootstrap of few seeds is too short: it divides by n, and knows no t
distribution; drawing at both levels in turn counts the cases' noise twice (Davison & Hinkley
1997, section 3.8). Both end points are therefore moved away from the estimate by
`t(df) / z * sqrt(1 + between / (seeds * total))`, with Satterthwaite's df from the variance
between seeds (jackknife) and what is left of the bootstrap's own. Simulated coverage of the
mean on exponential data at a nominal 95 %, from no seed effect to one as strong as the cases'
noise: two seeds of 8 cases 0.97 to 0.87, three of 5 0.97 to 0.93, five of 5 0.98 to 0.93, ten
of 8 0.99 to 0.93; one case a seed: 0.88 (two), 0.86 (three), 0.91 (five), 0.94 (ten). One seed
of 20 cases: 0.92 to 0.39, since a single seed says nothing about seeds.

A statistic is a function of case weights: `weights` is (r, n), one row a resample, and the
result (r, k). Everything then resamples together, hulls and areas included.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from statistics import NormalDist, median
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adabench.profilers.uncertainty import t975

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
Strata = tuple[tuple[int, str], ...]
Statistic = Callable[[FloatArray], FloatArray]

RESAMPLES = 2000
SEED = 20_100_417
"""Of the resampling stream: the same records give the same interval, always."""
NORMAL = NormalDist()
Z975 = NORMAL.inv_cdf(0.975)
JACKKNIFE = 512
"""Of more cases the acceleration is too small to be worth n times n weights."""
SPOILT = 0.025
"""Above this share of undefined resamples a percentile at 2.5 % has no meaning."""


class Place(NamedTuple):
    """Where a replicate stands: a case of a group in a seed."""

    seed: int
    group: str
    case: int


class Interval(NamedTuple):
    """An estimate and its 95 % interval; `low` and `high` are None without replication."""

    estimate: float
    low: float | None
    high: float | None


def bootstrap(places: Sequence[Place], statistic: Statistic) -> list[Interval]:
    """Return the k estimates of `statistic` over `places` (n of them), with intervals.

    An estimate that is not finite comes back as NaN without an interval.
    """
    n = len(places)
    estimates = statistic(np.ones((1, n)))[0]
    strata = tuple((place.seed, place.group) for place in places)
    if not _replicated(strata):
        return [Interval(float(estimate), None, None) for estimate in estimates]
    resamples = statistic(resample(strata))
    by_seed = statistic(_left_out([seed for seed, _ in strata]))
    few = len(by_seed) < 3 <= n <= JACKKNIFE
    by_case = statistic(1.0 - np.eye(n)) if few else by_seed
    return [
        _interval(float(estimates[k]), resamples[:, k], by_seed[:, k], by_case[:, k], strata)
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


@lru_cache(maxsize=16)
def resample(strata: Strata) -> FloatArray:
    """Draw the (RESAMPLES, n) case weights: seeds first, then cases within (seed, group)."""
    generator = np.random.default_rng(SEED)
    seeds = sorted({seed for seed, _ in strata})
    drawn = generator.multinomial(len(seeds), [1 / len(seeds)] * len(seeds), size=RESAMPLES)
    weights = np.zeros((RESAMPLES, len(strata)))
    for stratum in sorted(set(strata)):
        members = [index for index, other in enumerate(strata) if other == stratum]
        times = drawn[:, seeds.index(stratum[0])] * len(members)
        weights[:, members] = generator.multinomial(times, [1 / len(members)] * len(members))
    weights.flags.writeable = False
    return weights


def _replicated(strata: Strata) -> bool:
    """Say whether anything can be drawn: seeds, or the cases of a group in the only seed."""
    return len({seed for seed, _ in strata}) > 1 or len(strata) > len(set(strata))


def _left_out(seeds: Sequence[int]) -> FloatArray:
    """Return (s, n) weights that leave out one seed a row; all ones if there is one seed."""
    column = np.asarray(seeds)
    different = np.unique(column)
    if len(different) == 1:
        return np.ones((1, len(seeds)))
    return np.asarray(column[None, :] != different[:, None], np.float64)


def _interval(
    estimate: float, resamples: FloatArray, by_seed: FloatArray, by_case: FloatArray, strata: Strata
) -> Interval:
    """Return the widened BCa interval of one statistic."""
    finite = np.sort(resamples[np.isfinite(resamples)])
    if not math.isfinite(estimate) or len(finite) < (1 - SPOILT) * len(resamples):
        return Interval(estimate, None, None)
    if finite[-1] - finite[0] <= 1e-12 * max(abs(finite[0]), abs(finite[-1])):
        return Interval(estimate, estimate, estimate)
    factor = _widening(finite, by_seed, strata)
    levels = _bca_levels(estimate, finite, by_case)
    low, high = (factor * (_quantile(finite, level) - estimate) for level in levels)
    return Interval(estimate, estimate + min(low, 0.0), estimate + max(high, 0.0))


def _quantile(ordered: FloatArray, level: float) -> float:
    """Interpolate between order statistics, as the slower `np.quantile` does."""
    place = level * (len(ordered) - 1)
    below = min(int(place), len(ordered) - 2)
    return float(ordered[below] + (place - below) * (ordered[below + 1] - ordered[below]))


def _bca_levels(estimate: float, ordered: FloatArray, jackknife: FloatArray) -> list[float]:
    """Return the two quantile levels that BCa reads off the ordered resamples."""
    # Resamples come from BLAS and the estimate does not: equal ones may differ in the last bit.
    slack = 1e-9 * max(abs(ordered[0]), abs(ordered[-1]), abs(estimate))
    below = np.searchsorted(ordered, estimate - slack, "left")
    upto = np.searchsorted(ordered, estimate + slack, "right")
    share = (below + upto) / (2 * len(ordered))
    bias = NORMAL.inv_cdf(min(max(float(share), 1 / len(ordered)), 1 - 1 / len(ordered)))
    gap = jackknife.mean() - jackknife
    square = float(np.sum(gap**2))
    known = math.isfinite(square) and square > 0
    skew = float(np.sum(gap**3)) / (6 * square**1.5) if known else 0.0
    shifted = [bias + (bias + z) / (1 - skew * (bias + z)) for z in (-Z975, Z975)]
    return [NORMAL.cdf(z) for z in shifted]


def _widening(resamples: FloatArray, by_seed: FloatArray, strata: Strata) -> float:
    """Return the factor of the module's docstring; for one seed, that of its cases alone."""
    seeds, n = len(by_seed), len(strata)
    if seeds == 1:
        cases = n - len(set(strata))
        return t975(cases) / Z975 * math.sqrt(n / cases)
    total = float(resamples.var())
    between = (seeds - 1) * float(by_seed.var())  # the jackknife's variance
    if not math.isfinite(between):
        return t975(seeds - 1) / Z975
    resampled = between * (seeds - 1) / seeds
    within = max(total - resampled, 0.0)
    spread = resampled**2 / (seeds - 1) + within**2 / max(n - seeds, 1)
    df = (resampled + within) ** 2 / spread
    return t975(max(df, 1.0)) / Z975 * math.sqrt(1 + between / (seeds * total))


def pareto_front(cost: Sequence[float], quality: Sequence[float]) -> list[int]:
    """Return the indices of the points that no other beats, by rising cost.

    Lower cost and higher quality are better. Of equal points the first is kept.
    """
    front: list[int] = []
    for index in sorted(range(len(cost)), key=lambda i: (cost[i], -quality[i], i)):
        if not front or quality[index] > quality[front[-1]]:
            front.append(index)
    return front


def hypervolume(
    cost: Sequence[float], quality: Sequence[float], worst_cost: float, worst_quality: float
) -> float:
    """Return the area that the front dominates, up to the worst corner."""
    area, floor = 0.0, worst_quality
    for index in pareto_front(cost, quality):
        area += max(worst_cost - cost[index], 0.0) * max(quality[index] - floor, 0.0)
        floor = max(floor, quality[index])
    return area


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


def mad(values: Sequence[float]) -> float:
    """Return the median absolute deviation from the median, unscaled."""
    middle = median(values)
    return float(median(abs(value - middle) for value in values))

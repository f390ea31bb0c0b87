"""Does A dominate B? The probability, and a test, on the plane of cost and quality.

A dominates B if its mean cost is not higher and its mean quality not lower, and one of the two
is better. Both differ together over the same cases (a hard case costs more and scores less), so
both are resampled together: units are redrawn 4,000 times from one fixed stream, and

    P(A dominates B) = share of resamples in which A dominates B.

*Calibrated.* A bootstrap mean of m units is too sure: each resample's distance from the estimate
is therefore stretched by sqrt(m / (m - 1)) and by sqrt(df / chi2(df)), df = m - 1, which makes
each margin a t distribution. Where one axis is tied and A clearly better on the other, P >= 0.95
then happens in about 5 % of worlds (the docstring of `benchmarks/intervals.py`).

*The test* that A dominates B rejects "A does not" if both one-sided tests do, so its p-value is
the larger of the two (an intersection-union test: no correction is due). It may be far smaller
than a share of 4,000 resamples can be, and is what a gate uses.

Yes-or-no qualities get the two pseudo-pairs of `paired.py`: ten ties are no proof of a tie. Their
scatter is binomial, as there: no t is due, and no stretch.
Measured at full equality of both means, P is neither near 0 nor 1: an undecided pair, not a win.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from adabench.harness.stats.bootstrap import SEED, deal_to_parts
from adabench.harness.stats.intervals import FloatArray
from adabench.harness.stats.paired import Clusters, Over, Side, Units, p_beyond, paired_units

BoolArray = npt.NDArray[np.bool_]

DRAWS = 4000
ROUNDING = 1e-12
MANY = 512
"""More units are averaged to so many before they are drawn: their mean keeps its variance."""


@dataclass(frozen=True)
class Dominance:
    """How surely A dominates B."""

    probability: float
    p: float
    """Of H0 "A does not dominate B"."""
    units: int
    cost: float
    """Mean cost of A less that of B."""
    quality: float


def dominance(
    cost: tuple[FloatArray, FloatArray],
    quality: tuple[FloatArray, FloatArray],
    clusters: Clusters,
    *,
    higher_is_better: bool = True,
    over: Over | None = None,
) -> Dominance:
    """Return how surely A dominates B; both tuples are (A's, B's) values of the same pairs."""
    sign = 1.0 if higher_is_better else -1.0
    cheaper = paired_units(*cost, clusters, over)
    better = paired_units(quality[1], quality[0], clusters, over)
    better = better._replace(values=sign * better.values)
    saved = cheaper.values
    gains = np.stack([saved, better.values], axis=1)
    p = max(
        _p_worse(*cost, clusters, "below", over),
        _p_worse(*quality, clusters, "above" if higher_is_better else "below", over),
    )
    if np.array_equal(*cost) and np.array_equal(*quality):
        p = 1.0
    if len(gains) < 2:
        return Dominance(float("nan"), 1.0, len(gains), -float(saved[0]), float(gains[0, 1]))
    exact = np.array([False, better.binary and better.single])
    share = _share(_drawn(_padded(gains, better), exact), np.abs(gains).max(axis=0))
    mean = gains.mean(axis=0)
    return Dominance(share, p, len(gains), -float(mean[0]), sign * float(mean[1]))


def _p_worse(
    a: FloatArray, b: FloatArray, clusters: Clusters, better: Side, over: Over | None
) -> float:
    """Return the p-value of H0 "A is no better than B"; equality in every pair is no worse."""
    if np.array_equal(a, b) and not np.all((a == 0) | (a == 1)):
        return 0.0
    return p_beyond(b, a, clusters, 0.0, "difference", better, over=over)


def _padded(gains: FloatArray, quality: Units) -> FloatArray:
    """Add two pseudo-units (their squares sum to 1, their costs are the mean) if yes-or-no."""
    if not quality.binary:
        return gains
    cost, half = float(gains[:, 0].mean()), 0.5**0.5
    return np.vstack([gains, [[cost, half], [cost, -half]]])


def _drawn(gains: FloatArray, exact: BoolArray) -> FloatArray:
    """Return (DRAWS, 2) means of resampled units, stretched to t distributions unless `exact`."""
    mean = gains.mean(axis=0)
    gains = _thinned(gains)
    weights, stretch = _stream(len(gains))
    stretch = np.where(exact, 1.0, stretch)
    return np.asarray(mean + stretch * (weights @ (gains - gains.mean(axis=0))), np.float64)


def _thinned(units: FloatArray) -> FloatArray:
    if len(units) <= MANY:
        return units
    return np.array(
        [units[part].mean(axis=0) for part in deal_to_parts(np.arange(len(units)), MANY)]
    )


@lru_cache(maxsize=4)
def _stream(m: int) -> tuple[FloatArray, FloatArray]:
    """Return (DRAWS, m) shares of units and (DRAWS, 1) factors."""
    generator = np.random.default_rng(SEED)
    weights = generator.multinomial(m, [1 / m] * m, size=DRAWS) / m
    scale = np.sqrt((m - 1) / generator.chisquare(m - 1, size=(DRAWS, 1)))
    return weights, np.asarray(scale * np.sqrt(m / (m - 1)), np.float64)


def _share(drawn: FloatArray, size: FloatArray) -> float:
    """Return the share of draws (r, 2) of gains in which neither falls and one rises."""
    slack = ROUNDING * size
    holds = np.all(drawn >= -slack, axis=1) & np.any(drawn > slack, axis=1)
    return float(holds.mean())


def on_front(cost: FloatArray, quality: FloatArray) -> FloatArray:
    """Return for each of p dots, (m, p) units, the share of resamples in which none beats it.

    Of equal dots each counts. Higher quality is better.
    """
    p, both = cost.shape[1], _thinned(np.hstack([cost, quality]))
    mean = both.mean(axis=0)
    weights, stretch = _stream(len(both))
    drawn = mean + stretch * (weights @ (both - mean))
    dots = np.stack([drawn[:, :p], -drawn[:, p:]])  # (2, r, p), lower is better
    slack = ROUNDING * np.abs(dots).max(axis=(1, 2))[:, None]
    found = np.empty(p)
    for i in range(p):
        gap = dots - dots[:, :, i : i + 1]
        beaten = np.all(gap <= slack[:, None], axis=0) & np.any(gap < -slack[:, None], axis=0)
        found[i] = 1 - beaten.any(axis=1).mean()
    return found

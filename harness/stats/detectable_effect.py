"""Power, and the smallest effect that can be found: from a machine's noise, or from pairs.

*From a noise floor.* Two methods are each measured n times. With s the standard deviation of one
repeat (of its logarithm, so a fraction), their difference has a standard error of s * sqrt(2 / n).
It is found at the 5 % level with probability 0.8 if it is d standard errors large, where d is the
noncentrality at which a t with n - 1 degrees of freedom, since repeats are paired by their
interleaving, exceeds t(0.975, n - 1) with that probability. `s` is the noise floor of
`profilers/hardware/noise.py`, so this is the best case: a method's own scatter comes on top, and
so does drift slower than the half second that was watched.

*From pairs that were measured.* Pairs of one unit (the blocks of a case, the cases of a seed)
share what the unit does to them, so a mean over m units of k pairs has a standard error of

    sqrt(between^2 / m + within^2 / (m k))

with both parts estimated by one-way analysis of variance. More pairs a unit help only with the
second. The power of the one-sided test at level alpha is that of the noncentral t with m - 1
degrees of freedom, and the smallest effect is where it reaches 0.8. Where Holm's correction over
c cells is to come, alpha / c is the level that counts.

That is the power of Student's t. `p_beyond` guards against skew too, which costs power where few
units meet a small level.
"""

import math
from dataclasses import dataclass

import numpy as np

from adabench.harness.stats.intervals import FloatArray, IntArray
from adabench.harness.stats.paired import Clusters, Kind, Over, paired_units

REPEATS = (3, 5, 10, 30)
ALPHA = 0.025
"""One-sided: 5 % in all."""
POWER = 0.8


@dataclass(frozen=True)
class DetectableEffect:
    """What n repeats can show."""

    repeats: int
    smallest: float
    """Relative change that is found with probability 0.8 at the 5 % level."""


def effects(floor: float, repeats: tuple[int, ...] = REPEATS) -> tuple[DetectableEffect, ...]:
    """Return the smallest effect for each number of repeats (2 or more)."""
    return tuple(DetectableEffect(n, smallest(floor, n)) for n in repeats)


def smallest(floor: float, n: int) -> float:
    """Return the smallest relative change that n repeats of each method can show."""
    return math.expm1(detectable(floor * math.sqrt(2 / n), n - 1, ALPHA))


@dataclass(frozen=True)
class Scatter:
    """What makes paired differences (log ratios) scatter: standard deviations."""

    between: float
    """Of units, beyond what their pairs explain."""
    within: float
    """Of the pairs of a unit."""
    units: int
    pairs: float
    """Of a unit, in the mean."""

    def error(self, units: int, pairs: float) -> float:
        """Return the standard error of the mean over so many units of so many pairs."""
        return math.sqrt(self.between**2 / units + self.within**2 / (units * pairs))


def scatter(
    a: FloatArray, b: FloatArray, clusters: Clusters, kind: Kind, over: Over | None = None
) -> Scatter:
    """Estimate the scatter of b against a from pairs that were measured.

    Raises:
        ValueError: if there are fewer than two units.
    """
    gap = np.log(b / a) if kind == "ratio" else b - a
    units = paired_units(np.zeros(len(gap)), gap, clusters, over)
    m = len(units.values)
    if m < 2:
        raise ValueError("The scatter of one unit is unknown: run more cases or seeds.")
    total = float(units.values.var(ddof=1))
    if len(gap) == m:
        return Scatter(math.sqrt(total), 0.0, m, 1.0)
    column = clusters.seed if units.over == "seed" else _cases(clusters)
    group = np.unique(column, return_inverse=True)[1].reshape(-1)
    size = np.bincount(group).astype(np.float64)
    mean = np.bincount(group, gap) / size
    within = float(((gap - mean[group]) ** 2).sum()) / max(len(gap) - len(size), 1)
    pairs = len(gap) / len(size)
    return Scatter(math.sqrt(max(total - within / pairs, 0.0)), math.sqrt(within), m, pairs)


def _cases(clusters: Clusters) -> IntArray:
    pairs = np.stack([clusters.seed, clusters.case])
    return np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1)


def power(effect: float, error: float, df: float, alpha: float) -> float:
    """Return the chance that a one-sided t test at level `alpha` finds `effect` (a log ratio)."""
    from scipy.special import nctdtr, stdtrit

    if error == 0:
        return 1.0 if effect > 0 else 0.0
    return float(1 - nctdtr(df, effect / error, stdtrit(df, 1 - alpha)))


def detectable(error: float, df: float, alpha: float, wanted: float = POWER) -> float:
    """Return the smallest effect that is found with probability `wanted`."""
    from scipy.special import nctdtrinc, stdtrit

    return error * float(nctdtrinc(df, 1 - wanted, stdtrit(df, 1 - alpha)))

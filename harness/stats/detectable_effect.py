"""The smallest effect that repeats can find, from a machine's noise.

Two methods are each measured n times. With s the standard deviation of one repeat (of its logarithm,
so a fraction), their difference has a standard error of s * sqrt(2 / n). It is found at the 5 % level
with probability 0.8 if it is d standard errors large, where d is the noncentrality at which a t with
n - 1 degrees of freedom, since repeats are paired by their interleaving, exceeds t(0.975, n - 1) with
that probability. `s` is the noise floor of `profilers/hardware/noise.py`, so this is the best case: a
method's own scatter comes on top, and so does drift slower than the half second that was watched.
"""

import math
from dataclasses import dataclass

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


def effects(floor: float) -> tuple[DetectableEffect, ...]:
    """Return the smallest effect for each number of repeats."""
    return tuple(DetectableEffect(n, smallest(floor, n)) for n in REPEATS)


def smallest(floor: float, n: int) -> float:
    """Return the smallest relative change that n repeats of each method can show."""
    return math.expm1(detectable(floor * math.sqrt(2 / n), n - 1, ALPHA))


def detectable(error: float, df: float, alpha: float) -> float:
    """Return the smallest effect that a one-sided t test at level `alpha` finds with probability 0.8."""
    from scipy.special import nctdtrinc, stdtrit

    return error * float(nctdtrinc(df, 1 - POWER, stdtrit(df, 1 - alpha)))

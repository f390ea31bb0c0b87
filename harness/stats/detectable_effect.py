"""The smallest effect that n repeats can show on a machine as noisy as this one.

Two methods are each measured n times. With s the standard deviation of one repeat (of its
logarithm, so a fraction), their difference has a standard error of s * sqrt(2 / n). An effect
is found at the 5 % level with probability 0.8 if it is at least

    d = (t(0.975, n - 1) + t(0.8, n - 1)) * s * sqrt(2 / n),   as a change:  exp(d) - 1

with n - 1 degrees of freedom, since repeats are paired by their interleaving. `s` is the noise
floor of `profilers/hardware/noise.py`, so this is the best case: a method's own scatter comes on top,
and so does drift slower than the half second that was watched.
"""

import math
from dataclasses import dataclass

from adabench.harness.stats.student_t import quantile

REPEATS = (3, 5, 10, 30)
LEVEL = 0.975
POWER = 0.8
FORMULA = "exp((t(0.975, n-1) + t(0.8, n-1)) * s * sqrt(2/n)) - 1"


@dataclass(frozen=True)
class Effect:
    """What n repeats can show."""

    repeats: int
    smallest: float
    """Relative change that is found with probability 0.8 at the 5 % level."""


def effects(floor: float, repeats: tuple[int, ...] = REPEATS) -> tuple[Effect, ...]:
    """Return the smallest effect for each number of repeats (2 or more)."""
    return tuple(Effect(n, smallest(floor, n)) for n in repeats)


def smallest(floor: float, n: int) -> float:
    """Return the smallest relative change that n repeats of each method can show."""
    reach = float(quantile(LEVEL, n - 1) + quantile(POWER, n - 1))
    return math.expm1(reach * floor * math.sqrt(2 / n))

"""Bounds for looking at data while they come in: 2.5 % a side over all looks together.

At a look, a part t of the planned units is there. The error that may be spent until then is that of Hwang,
Shih and DeCani (1990) with gamma = -2, little at first and most of it at the end; the bound of a look
is the value of a standard normal beyond which it lies with what is newly spent, given that no earlier look was
beyond its own (Armitage, McPherson & Rowe 1969, on a grid). Looks need not be evenly spaced, and a
plan may be looked at less often than was meant. For five even looks the bounds are 2.891, 2.709, 2.514,
2.315 and 2.110, and a plan for one look needs 7 % more units.
"""

import math
from functools import lru_cache

import numpy as np

from adabench.harness.stats.student_t import FloatArray

ONE_SIDED = 0.025
GAMMA = -2.0
LOOKS = 5
"""More are not taken: each costs units and tells little."""
INFLATION = 1.07
"""Of the units that one look needs, for five."""
WIDEST, POINTS = 8.0, 2001
"""Of the grid, in standard errors."""


def spent(part: float) -> float:
    """Return the error that may be spent, on one side, when so much of the plan is there."""
    whole = 1 - math.exp(-GAMMA)
    return ONE_SIDED * (1 - math.exp(-GAMMA * min(max(part, 0.0), 1.0))) / whole


@lru_cache(maxsize=256)
def bounds(parts: tuple[float, ...]) -> tuple[float, ...]:
    """Return the bound of each look, given by its rising part of the plan.

    Raises:
        ValueError: if parts do not rise from above 0 to 1 at the most.
    """
    if not parts or min(parts) <= 0 or max(parts) > 1 or any(np.diff(parts) <= 0):
        raise ValueError("Looks are given by rising parts of a plan, above 0 and up to 1.")
    found: list[float] = []
    grid, density, before = np.zeros(1), np.ones(1), 0.0
    for part in parts:
        news = np.linspace(-WIDEST, WIDEST, POINTS) * math.sqrt(part)
        density = _carried(density, grid, news, math.sqrt(part - before))
        beyond = spent(part) - (spent(before) if before else 0.0)
        limit = _quantile(news, density, beyond)
        found.append(limit / math.sqrt(part))
        grid, density, before = news, density * (news < limit), part
    return tuple(found)


def _carried(density: FloatArray, old: FloatArray, new: FloatArray, spread: float) -> FloatArray:
    """Return the density of the sum at a look: that of the look before, and a normal step."""
    step = float(old[1] - old[0]) if len(old) > 1 else 1.0
    apart = (new[:, None] - old[None, :]) / spread
    kernel = np.exp(-(apart**2) / 2) / (spread * math.sqrt(2 * math.pi))
    return np.asarray(kernel @ density * step, np.float64)


def _quantile(grid: FloatArray, density: FloatArray, beyond: float) -> float:
    """Return the value beyond which so much of a density lies."""
    step = float(grid[1] - grid[0])
    tail = np.cumsum(density[::-1])[::-1] * step - density * step / 2
    return float(np.interp(-beyond, -tail, grid))

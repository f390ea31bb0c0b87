"""Laws with a ceiling, fitted by least squares: for each shape the best F_max, then the best shape.

A law that falls short of its ceiling by a shape has two numbers beside it, ceiling and fall.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def best_fit(shapes: Floats, shares: tuple[float, ...], *, free_ceiling: bool) -> tuple[int, float]:
    """Return the row of `shapes` [shapes, points] that fits, and its F_max of 0..1.

    A fixed ceiling is 1.
    """
    seen = np.asarray(shares)
    ceilings = np.ones(len(shapes))
    if free_ceiling:
        squares = np.maximum((shapes**2).sum(axis=1), 1e-12)
        ceilings = np.clip(shapes @ seen / squares, 0.0, 1.0)
    errors = ((ceilings[:, None] * shapes - seen) ** 2).sum(axis=1)
    best = int(np.argmin(errors))
    return best, float(ceilings[best])


def falling_fit(shapes: Floats, seen: Floats, ceilings: Floats) -> tuple[int, float, float]:
    """Return the row of `shapes` [shapes, points], the ceiling and the fall of what fits `seen` [points]: ceiling - fall shape."""
    short = ceilings[:, None] - seen
    squares = (shapes**2).sum(axis=1)
    falls = np.maximum(short @ shapes.T / squares, 0.0)
    errors = (short**2).sum(axis=1)[:, None] - 2 * falls * (short @ shapes.T) + falls**2 * squares
    place, row = np.unravel_index(int(np.argmin(errors)), errors.shape)
    return int(row), float(ceilings[place]), float(falls[place, row])

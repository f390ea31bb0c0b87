"""The bias-corrected and accelerated bootstrap interval (Efron 1987) from given resamples.

Both ends are moved away from the estimate by `factor`, which brings in what a bootstrap of few
units lacks: it divides by n instead of n - 1, and knows no t distribution.
"""

import math
from statistics import NormalDist

import numpy as np

from adabench.harness.stats.student_t import FloatArray

NORMAL = NormalDist()
Z975 = NORMAL.inv_cdf(0.975)


def bca(
    estimate: float, ordered: FloatArray, jackknife: FloatArray, factor: float
) -> tuple[float, float]:
    """Return the interval from rising resamples and the left-out values (the acceleration)."""
    levels = _levels(estimate, ordered, jackknife)
    low, high = (factor * (_quantile(ordered, level) - estimate) for level in levels)
    return estimate + min(low, 0.0), estimate + max(high, 0.0)


def _quantile(ordered: FloatArray, level: float) -> float:
    """Interpolate between order statistics, as the slower `np.quantile` does."""
    place = level * (len(ordered) - 1)
    below = min(int(place), len(ordered) - 2)
    return float(ordered[below] + (place - below) * (ordered[below + 1] - ordered[below]))


def _levels(estimate: float, ordered: FloatArray, jackknife: FloatArray) -> list[float]:
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

"""Many tests at once: Holm's step-down.

*Holm* (1979): of m p-values in rising order the i-th (from 0) is multiplied by m - i and made
non-decreasing; rejecting where the adjusted value is at most alpha keeps the probability of
even one false rejection among all true hypotheses below alpha, whatever their dependence.
"""

from collections.abc import Sequence

import numpy as np

from adabench.harness.stats.intervals import FloatArray


def holm(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """Return Holm's adjusted p-values in the order given (NaN stays NaN and does not count)."""
    p = np.asarray(p_values, np.float64)
    if np.any((p < 0) | (p > 1)):
        raise ValueError("A p-value lies between 0 and 1.")
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = len(order) - np.arange(len(order))
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * steps), 1.0)
    return adjusted

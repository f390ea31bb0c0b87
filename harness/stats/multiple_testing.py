"""Many tests at once, and tests of sameness: Holm's step-down, two one-sided tests.

*Holm* (1979): of m p-values in rising order the i-th (from 0) is multiplied by m - i and made
non-decreasing; rejecting where the adjusted value is at most alpha keeps the probability of
even one false rejection among all true hypotheses below alpha, whatever their dependence.

*TOST* (Schuirmann 1987): the effect lies within (low, high) at level alpha if both one-sided
tests reject, so its p-value is the larger of the two; no correction is needed between them.
*Non-inferiority* is one of the two alone.
"""

from collections.abc import Sequence

import numpy as np

from adabench.harness.stats.intervals import FloatArray
from adabench.harness.stats.paired import Clusters, Kind, Over, Side, p_beyond


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


def tost(
    a: FloatArray,
    b: FloatArray,
    clusters: Clusters,
    low: float,
    high: float,
    kind: Kind,
    *,
    over: Over | None = None,
) -> float:
    """Return the p-value of H0 "the effect lies outside (low, high)": small means same.

    `low` and `high` stand on the effect's own scale: 0.97 and 1.03 for 3 % either way.
    """
    above = p_beyond(a, b, clusters, low, kind, "above", over=over)
    return max(above, p_beyond(a, b, clusters, high, kind, "below", over=over))


def non_inferior(
    a: FloatArray,
    b: FloatArray,
    clusters: Clusters,
    margin: float,
    kind: Kind,
    *,
    higher_is_better: bool,
    over: Over | None = None,
) -> float:
    """Return the p-value of H0 "b is worse than a by `margin` or more": small means not worse.

    `margin` stands on the effect's own scale: 1.03 for a latency, -0.01 for an accuracy.
    """
    side: Side = "above" if higher_is_better else "below"
    return p_beyond(a, b, clusters, margin, kind, side, over=over)

"""Rounds of which a few were disturbed: a mean that one of them cannot move.

A round whose process was dealt a slow start, or had a neighbour for its whole life, lies 10 to
40 % off (measured: one of 45 rounds of equal code, on two shared cores). In eight rounds one such
value moves the mean by 5 % and makes Student's t blind: its error grows with it.

So g = m // 8 of m rounds, at least one, are left out at either end (Yuen 1974). With the values
in order, w_i those with the left-out ones set to the nearest kept one, h = m - 2 g:

    mean of the h kept ones,    error^2 = sum (w_i - mean w)^2 / (h (h - 1)),    t with h - 1 df

Two tests of the same hypothesis, Yuen's and the one of all rounds (`student_t.py`), are taken
together: p = 2 min(p_Yuen, p_all). Neither alone will do: Yuen's has few degrees of freedom, which
costs power where many cells are tested at once; t goes blind
(`docs/log/statistics.md` has both, simulated). Below `ENOUGH` rounds nothing is left out.
"""

import math

import numpy as np

from adabench.harness.stats.intervals import FloatArray
from adabench.harness.stats.paired import Side
from adabench.harness.stats.student_t import Moments, interval, moments, p_above, p_below

ENOUGH = 8
"""Rounds from which on some are left out."""


def trimmed_moments(units: FloatArray) -> Moments:
    """Return the moments of the trimmed mean of (m,) units, m >= ENOUGH; (1,) each."""
    m = len(units)
    cut = max(1, m // 8)
    order = np.sort(units)
    kept = order[cut:-cut]
    winsorised = np.clip(order, kept[0], kept[-1])
    square = float(((winsorised - winsorised.mean()) ** 2).sum())
    h = len(kept)
    columns = (kept.mean(), math.sqrt(square / (h * (h - 1))), 0.0, h - 1.0)
    return Moments(*(np.array([column]) for column in columns))


def center(units: FloatArray, level: float = 0.95) -> tuple[float, float, float]:
    """Return the trimmed mean of (m,) units and its interval; the plain one's below `ENOUGH`.

    One unit has no interval: it goes from -inf to inf.
    """
    if len(units) < 2:
        return float(units.mean()), -math.inf, math.inf
    found = trimmed_moments(units) if len(units) >= ENOUGH else moments(units[:, None])
    low, high = (float(end[0]) for end in interval(found, level))
    return float(found.mean[0]), low, high


def p_beyond(units: FloatArray, end: float, side: Side) -> float:
    """Return the p-value of H0 "the center of (m,) units is not beyond `end` on that side"."""
    if len(units) < 2:
        return 1.0
    test = p_above if side == "above" else p_below
    plain = float(test(moments(units[:, None]), end)[0])
    if len(units) < ENOUGH:
        return plain
    return min(1.0, 2 * min(plain, float(test(trimmed_moments(units), end)[0])))

"""Studentised intervals and tails in closed form: Student's t, and Hall's correction for skew.

For m independent units with mean x, standard error e and skewness g (all per column):

    T = (x - mu) / e  ~  t(m - 1)            exact for normal units, safe for heavy tails
    H = T + s T^2 / 3 + s^2 T^3 / 27 + s / 6,  s = g / sqrt(m)        (Hall 1992)

H removes the skewness of T to first order, as the studentised bootstrap does by resampling
(`docs/log/statistics.md` has their coverage; a resampling costs a thousand times more).
Either alone has a weak side: T misses skew, H mistakes a heavy tail for it. So an interval is
the union of the two and a p-value the larger of the two.

A log-normal of sigma 1 at n = 10 is beyond any method that sees ten values (bootstrap-t: 0.911);
positive quantities are therefore taken as logarithms wherever a ratio is asked for.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class Moments(NamedTuple):
    """What studentising needs of k columns: (k,) each."""

    mean: FloatArray
    error: FloatArray
    bend: FloatArray
    """Skewness of the units over the root of their number."""
    df: FloatArray


def moments(units: FloatArray) -> Moments:
    """Return the moments of (m, k) independent units; m >= 2."""
    m = len(units)
    mean = units.mean(axis=0)
    gap = units - mean
    square = (gap**2).sum(axis=0)
    error = np.sqrt(square / (m - 1) / m)
    if m == 2:
        bend = np.zeros_like(mean)
    else:
        cube = (gap**3).sum(axis=0) / m
        spread = (square / (m - 1)) ** 1.5
        skew = np.divide(cube, spread, out=np.zeros_like(cube), where=spread > 0)
        bend = skew * np.sqrt(m * (m - 1)) / (m - 2) / np.sqrt(m)
    return Moments(mean, error, bend, np.full_like(mean, m - 1.0))


def quantile(p: float, df: FloatArray | float) -> FloatArray:
    """Return the p-quantile of Student's t."""
    from scipy.special import stdtrit  # here because --help must not load scipy

    return np.asarray(stdtrit(df, p), np.float64)


def t975(df: float) -> float:
    """Return the 97.5 % point of Student's t, the half-width of a 95 % interval in errors."""
    return float(quantile(0.975, df))


def tail(t: FloatArray | float, df: FloatArray | float) -> FloatArray:
    """Return the probability that Student's t exceeds `t`."""
    from scipy.special import stdtr

    return np.asarray(stdtr(df, -np.asarray(t)), np.float64)


def interval(found: Moments, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Return the two ends of the interval of each column's mean."""
    t = quantile((1 + level) / 2, found.df)
    above = np.maximum(t, _unbent(t, found.bend))
    below = np.minimum(-t, _unbent(-t, found.bend))
    return found.mean - above * found.error, found.mean - below * found.error


def p_above(found: Moments, margin: float) -> FloatArray:
    """Return the p-value of H0 "the mean is at most `margin`" for each column.

    Units that are all equal prove what they show: 0 above the margin, 1 elsewhere.
    """
    gap = found.mean - margin
    certain = np.where(gap > 0, np.inf, -np.inf)
    t = np.divide(gap, found.error, out=certain, where=found.error > 0)
    least = np.minimum(t, _bent(t, found.bend))
    return tail(least, found.df)


def p_below(found: Moments, margin: float) -> FloatArray:
    """Return the p-value of H0 "the mean is at least `margin`" for each column."""
    return p_above(found._replace(mean=-found.mean, bend=-found.bend), -margin)


def _bent(t: FloatArray, bend: FloatArray) -> FloatArray:
    """Return Hall's transformation of `t`; it is monotone."""
    finite = np.where(np.isfinite(t), t, 0.0)
    h = finite + bend * finite**2 / 3 + bend**2 * finite**3 / 27 + bend / 6
    return np.where(np.isfinite(t), h, t)


def _unbent(h: FloatArray, bend: FloatArray) -> FloatArray:
    """Return the `t` that Hall's transformation sends to `h`."""
    safe = np.where(np.abs(bend) < 1e-9, 1.0, bend)
    t = 3 * (np.cbrt(1 + safe * (h - safe / 6)) - 1) / safe
    return np.where(np.abs(bend) < 1e-9, h, t)

"""Fronts with simultaneous confidence bands.

The front of p methods is the step curve f(x) = max of q_i over all i with c_i <= x, c and q the
true mean cost and quality. A band of pointwise intervals would be wrong twice: it promises 95 %
at each x and not along the curve, and near a step its quality is uncertain because a *cost* is.
So each dot gets a box [c_i -+ k s_i] x [q_i -+ k s_i], costs as logarithms where positive, and

    lower(x) = max of (q_i - k s_i) over dots whose cost may be as high as c_i + k s_i <= x
    upper(x) = max of (q_i + k s_i) over dots whose cost may be as low  as c_i - k s_i <= x

The curve lies between the two for all x at once if k is large enough. Boxes that all hold
(a sup-t critical value) would do, and too much: a box of a dominated dot may miss without harm.
k is the 95 % point, over 2,000 resamples of the units, of the least k at which the band of the
resample holds the curve of the data. That least k has a closed form,

    k = max( max_i min_j max((q*_i - q_j) / s*_i, (c_j - c*_i) / s*_i),      below
             max_j min_i max((q_j - q*_i) / s*_i, (c*_i - c_j) / s*_i) )     above

and each resample brings its own standard errors s*, so k is studentised: small samples widen it
on their own. It is never less than that of a single side. Qualities of zeros and ones get two
successes and two failures more (Agresti & Coull): a method that solved all ten cases has no
certain accuracy. Their errors then hardly scatter, so t over z widens these sides instead.

The least concave curve over the lower (upper) step curve bounds that over the true one, so the
same band serves for hulls.

`docs/log/statistics.md` has the simultaneous coverage (`benchmarks/intervals.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adabench.harness.stats.bca import NORMAL, Z975
from adabench.harness.stats.bootstrap import RESAMPLES, deal_to_parts, resample
from adabench.harness.stats.intervals import ENOUGH_SEEDS, FloatArray, Replicate
from adabench.harness.stats.student_t import t975

BoolArray = npt.NDArray[np.bool_]

HAIR = 1e-9
"""Relative to the largest value: a standard error below it is rounding."""
CHUNK = 4_000_000
"""Numbers held at once: resamples times pairs of dots."""
CACHED = 1 << 16
"""Those that a core's cache holds: compared so many at a time, they take a third to a ninth of the time."""
HEAVY = 0.5
"""Few units studentise too heavily: at ten, k is 5 % too large (coverage 0.976 without). Errors of
yes-or-no qualities hardly scatter, and need no such correction."""
PARTS = 512
"""More units than that are averaged to this many before they are drawn."""


@dataclass(frozen=True)
class Band:
    """A simultaneous band of the front: two rising step curves, and the dots' boxes."""

    level: float
    k: float
    """Half-widths of the boxes, in standard errors."""
    units: int
    cost_low: tuple[float, ...]
    cost_high: tuple[float, ...]
    quality_low: tuple[float, ...]
    quality_high: tuple[float, ...]

    def lower(self, cost: float) -> float:
        """Return the least quality that the front has at this cost (-inf: none for sure)."""
        pairs = zip(self.cost_high, self.quality_low, strict=True)
        return max((quality for least, quality in pairs if least <= cost), default=-np.inf)

    def upper(self, cost: float) -> float:
        """Return the greatest quality that the front may have at this cost (-inf: none)."""
        pairs = zip(self.cost_low, self.quality_high, strict=True)
        return max((quality for least, quality in pairs if least <= cost), default=-np.inf)


def units_of(places: Sequence[Replicate], columns: FloatArray) -> FloatArray:
    """Average (n, k) columns to independent units: seeds or trainings from five on, else places."""
    clusters = np.array([place.cluster for place in places])
    different, back = np.unique(clusters, return_inverse=True)
    if len(different) < ENOUGH_SEEDS:
        return columns
    count = np.bincount(back).astype(np.float64)
    sums = [np.bincount(back, column) for column in columns.T]
    return np.asarray(np.stack(sums, axis=1) / count[:, None], np.float64)


def front_band(cost: FloatArray, quality: FloatArray, level: float = 0.95) -> Band:
    """Return the band of the front of p dots from (m, p) units; higher quality is better.

    Raises:
        ValueError: if there are fewer than three units: their scatter says nothing.
    """
    if len(cost) < 3:
        raise ValueError("A band needs three independent units at least: run more cases or seeds.")
    units, p = _thinned(np.hstack([cost, quality])), cost.shape[1]
    logged = np.concatenate([np.all(cost > 0, axis=0), np.zeros(p, bool)])
    binary = np.all((units == 0) | (units == 1), axis=0)
    binary[:p] = False
    center, error = _dots(np.ones((1, len(units))), units, logged, binary)
    k = _critical(units, logged, binary, center, level)
    half = k * error[0] * np.where(binary, t975(len(units) - 1) / Z975, 1.0)
    low, high = center[0] - half, center[0] + half
    with np.errstate(over="ignore"):  # of three units a cost may end anywhere
        low, high = np.where(logged, np.exp(low), low), np.where(logged, np.exp(high), high)
    raw = units.mean(axis=0)
    low, high = np.minimum(low, raw).tolist(), np.maximum(high, raw).tolist()
    ends = (tuple(low[:p]), tuple(high[:p]), tuple(low[p:]), tuple(high[p:]))
    return Band(level, k, len(cost), *ends)


def _thinned(units: FloatArray) -> FloatArray:
    """Average many units to a few hundred: their mean keeps its variance."""
    if len(units) <= PARTS:
        return units
    return np.array(
        [units[part].mean(axis=0) for part in deal_to_parts(np.arange(len(units)), PARTS)]
    )


def _dots(
    weights: FloatArray,
    units: FloatArray,
    logged: BoolArray,
    binary: BoolArray,
) -> tuple[FloatArray, FloatArray]:
    """Return means and standard errors (r, 2p) under (r, m) weights, costs as logarithms."""
    m = len(units)
    mean = weights @ units / m
    shifted = units - units.mean(axis=0)  # before squaring: large means would cancel
    square = weights @ shifted**2 / m - (weights @ shifted / m) ** 2
    error = np.sqrt(np.maximum(square, 0.0) / (m - 1))
    padded = np.where(binary, (mean * m + 2) / (m + 4), 0.0)
    error = np.where(binary, np.sqrt(padded * (1 - padded) / (m + 4)), error)
    mean = np.where(binary, padded, mean)
    safe = np.where(logged, mean, 1.0)
    center = np.where(logged, np.log(safe), mean)
    hair = HAIR * np.maximum(np.abs(center).max(axis=0), HAIR)
    return center, np.maximum(error / safe, hair)


def _critical(
    units: FloatArray,
    logged: BoolArray,
    binary: BoolArray,
    center: FloatArray,
    level: float,
) -> float:
    """Return the quantile over resamples of the least half-width that holds the curve."""
    p, weights = units.shape[1] // 2, resample(((0, ""),) * len(units))
    step = max(CHUNK // (p * p), 1)
    least = [
        _least(*_dots(weights[at : at + step], units, logged, binary), center[0])
        for at in range(0, RESAMPLES, step)
    ]
    alone = NORMAL.inv_cdf((1 + level) / 2)
    k = float(np.quantile(np.concatenate(least), level))
    return max(k if binary.any() else k * (1 - HEAVY / len(units)), alone)


def _least(center: FloatArray, error: FloatArray, truth: FloatArray) -> FloatArray:
    """Return the least k (r,) at which the boxes of (r, 2p) dots hold the curve of `truth`."""
    p = center.shape[1] // 2
    step = max(CACHED // (p * p), 1)
    pieces = [slice(at, at + step) for at in range(0, len(center), step)]
    return np.concatenate([_least_of_few(center[one], error[one], truth) for one in pieces])


def _least_of_few(center: FloatArray, error: FloatArray, truth: FloatArray) -> FloatArray:
    """Return the same of resamples whose pairs of dots lie in a core's cache."""
    p = center.shape[1] // 2
    # (r, i, j): box i of the resample, dot j of the curve
    cost = (truth[None, None, :p] - center[:, :p, None]) / error[:, :p, None]
    quality = (center[:, p:, None] - truth[None, None, p:]) / error[:, p:, None]
    below = np.maximum(quality, cost).min(axis=2).max(axis=1)
    above = -np.minimum(quality, cost).max(axis=1).min(axis=1)
    return np.asarray(np.maximum(np.maximum(below, above), 0.0), np.float64)

"""Independent units of a pair of runs: what a test may count, on a scale on which they subtract.

Pairs that share something (a seed's training, a case's difficulty, a round's two processes) are
averaged to one unit first. The scale is `log` for what compares as a ratio, `linear` for a
difference, `sums` for a cost that is zero for some case: of that only sums have a ratio, so its
tests are those of the linear residuals `b - ratio * a`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from adabench.harness.compare.pairing import MetricPairs
from adabench.harness.stats import trimmed_mean
from adabench.harness.stats.intervals import FloatArray, IntArray
from adabench.harness.stats.paired import Clusters, Effect, Over, Side, difference, p_beyond

Scale = Literal["log", "linear", "sums"]


@dataclass(frozen=True, eq=False)
class Units:
    """What independent units say in both runs: (m,) each."""

    a: FloatArray
    b: FloatArray
    scale: Scale
    clusters: Clusters | None = None
    """Where seeds are still to be told apart; None: every value is a unit."""
    robust: bool = False
    """Interleaved rounds, a few of which may have been disturbed as a whole."""

    def effect(self, slope: float = 1.0) -> Effect:
        """Return the mean of `b - slope * a` with its interval."""
        if self.robust:
            center, low, high = trimmed_mean.center(self.b - slope * self.a)
            m = len(self.a)
            return Effect(center, low, high, m, m, 0.95, "block")
        return difference(slope * self.a, self.b, self._clusters, over=self._over)

    def p_beyond(self, end: float, side: Side, slope: float = 1.0) -> float:
        """Return the p-value of the hypothesis that this mean is not beyond `end`."""
        if self.robust:
            return trimmed_mean.p_beyond(self.b - slope * self.a, end, side)
        values = slope * self.a, self.b, self._clusters
        return p_beyond(*values, end, "difference", side, over=self._over)

    @property
    def _clusters(self) -> Clusters:
        own = np.arange(len(self.a))
        return self.clusters or Clusters(own, own, own)

    @property
    def _over(self) -> Over:
        return "block" if self.clusters is None else "seed"


def grouped_units(scale: Scale, pairs: MetricPairs, group: IntArray | None) -> Units:
    """Average pairs to groups; without groups each pair, being a case, is a unit."""
    a, b = (np.log(pairs.a), np.log(pairs.b)) if scale == "log" else (pairs.a, pairs.b)
    if group is not None:
        place = np.unique(group, return_inverse=True)[1]
        size = np.bincount(place)
        a, b = np.bincount(place, a) / size, np.bincount(place, b) / size
    return Units(a, b, scale)


def seed_units(scale: Scale, pairs: MetricPairs) -> Units:
    """Return one unit a seed."""
    if scale != "linear":
        return grouped_units(scale, pairs, pairs.seed)
    # Single values are left to the statistics: yes-or-no outcomes have their own.
    return Units(pairs.a, pairs.b, scale, Clusters(pairs.seed, pairs.case, pairs.block))


def case_units(pairs: MetricPairs, *, relative: bool) -> Units:
    """Return one unit a case; of a count, which may be zero, relative to the mean of the base."""
    a, b = case_means(pairs, pairs.a), case_means(pairs, pairs.b)
    if relative and (size := float(np.abs(a).mean())) > 0:
        a, b = a / size, b / size
    return Units(a, b, "linear")


def round_units(pairs: MetricPairs, stride: int | None) -> Units:
    """Return one unit a round of `stride` repeats, or without it a block of seed and repeat."""
    means = rounds_of(pairs, stride)
    return Units(np.zeros(len(means)), means, "log", robust=stride is not None)


def rounds_of(pairs: MetricPairs, stride: int | None) -> FloatArray:
    """Return what each round says: the mean over cases of the median of log ratios."""
    known = (pairs.a > 0) & (pairs.b > 0)
    logs = np.log(pairs.b[known]) - np.log(pairs.a[known])
    seed, case, block = pairs.seed[known], pairs.case[known], pairs.block[known]
    blocks = seed * (int(block.max(initial=0)) + 1) + block
    outer = blocks if stride is None else block // stride
    order = np.lexsort((logs, case, seed, outer))
    keys = np.stack([outer, seed, case])[:, order]
    new = np.concatenate([[True], np.any(keys[:, 1:] != keys[:, :-1], axis=0)])[: len(order)]
    start = np.flatnonzero(new)
    size = np.diff(np.append(start, len(order)))
    ordered = logs[order]
    medians = (ordered[start + (size - 1) // 2] + ordered[start + size // 2]) / 2
    _, rounds = np.unique(keys[0, start], return_inverse=True)
    return np.asarray(np.bincount(rounds, medians) / np.bincount(rounds), np.float64)


def case_means(pairs: MetricPairs, values: FloatArray) -> FloatArray:
    """Return the mean of each (seed, case) over its repeats."""
    keys = np.stack([pairs.seed, pairs.case])
    _, back = np.unique(keys, axis=1, return_inverse=True)
    back = back.reshape(-1)
    return np.asarray(np.bincount(back, values) / np.bincount(back), np.float64)


def repeats_itself(pairs: MetricPairs) -> bool:
    """Say whether every case was measured at least twice and gave the same every time."""
    keys = np.stack([pairs.seed, pairs.case])
    _, back, count = np.unique(keys, axis=1, return_inverse=True, return_counts=True)
    if count.min() < 2:
        return False
    order = np.argsort(back.reshape(-1), kind="stable")
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    return all(
        np.array_equal(np.maximum.reduceat(side[order], start),
                       np.minimum.reduceat(side[order], start))
        for side in (pairs.a, pairs.b)
    )  # fmt: skip

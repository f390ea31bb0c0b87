"""Joins uncertainties: of a mean over blocks of energy, and of independent terms (in squares; Welch and Satterthwaite).

Blocks of different phase differ on purpose: the mean is that of the phases' means, its variance the scatter within phases, with
one degree of freedom less per phase. An instrument's own uncertainty has infinitely many.
"""

import math
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple


class Estimate(NamedTuple):
    """A mean, its standard uncertainty and the degrees of freedom behind that."""

    mean: float
    u: float
    df: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval; without degrees of freedom everything is possible."""
        half = t975(self.df) * self.u if self.df > 0 else math.inf
        return self.mean - half, self.mean + half


def stratified_mean(
    totals: Sequence[float], sizes: Sequence[float], strata: Sequence[int]
) -> Estimate:
    """Return the mean over strata of `sum of totals / sum of sizes`, the ratio within each.

    A block's own quotient is biased where its size is random (units of unequal length fill a
    window of fixed length); the quotient of sums is less so by the number of blocks. Its
    variance is that of the residuals (Cochran 1977, section 6.4).

    Raises:
        ValueError: if there is no block.
    """
    if not totals:
        raise ValueError("A mean needs at least one block.")
    groups: dict[int, list[tuple[float, float]]] = {}
    for total, size, stratum in zip(totals, sizes, strata, strict=True):
        groups.setdefault(stratum, []).append((total, size))
    ratios = [_ratio(group) for group in groups.values()]
    mean, df = fmean(ratios), len(totals) - len(groups)
    if df == 0:
        return Estimate(mean, 0.0, 0.0)
    squares = sum(_squares(group) for group in groups.values())
    u = math.sqrt(squares / df * sum(1 / len(group) for group in groups.values())) / len(groups)
    return Estimate(mean, u, df)


def with_known(estimate: Estimate, *known_u: float) -> Estimate:
    """Add terms whose size is known from elsewhere."""
    u = math.hypot(estimate.u, *known_u)
    if estimate.u == 0 or u == 0:
        return Estimate(estimate.mean, u, estimate.df)
    return Estimate(estimate.mean, u, estimate.df * (u / estimate.u) ** 4)


def stratum_spread(totals: Sequence[float], sizes: Sequence[float], strata: Sequence[int]) -> float:
    """Return how far the ratios of the strata lie apart, relative to their mean."""
    blocks = list(zip(totals, sizes, strata, strict=True))
    ratios = [
        _ratio([(total, size) for total, size, other in blocks if other == stratum])
        for stratum in sorted(set(strata))
    ]
    return (max(ratios) - min(ratios)) / fmean(ratios)


def _ratio(group: Sequence[tuple[float, float]]) -> float:
    return sum(total for total, _ in group) / sum(size for _, size in group)


def _squares(group: Sequence[tuple[float, float]]) -> float:
    """Return the sum of squared residuals per mean size, of which one is not free."""
    ratio, size = _ratio(group), fmean(size for _, size in group)
    return sum(((total - ratio * own) / size) ** 2 for total, own in group)


def t975(df: float) -> float:
    """Return the 97.5 % point of Student's t.

    Raises:
        ValueError: without degrees of freedom.
    """
    from scipy.special import stdtrit  # here because a meter is read without loading scipy

    if df <= 0:
        raise ValueError("Student's t needs degrees of freedom.")
    return float(stdtrit(df, 0.975))

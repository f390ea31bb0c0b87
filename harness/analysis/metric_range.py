"""Where the values of a metric can lie, and intervals that stay there.

A metric may say so itself (`Metric.low`, `Metric.high`). Otherwise its kind does: costs and work, and times, energies
and sizes that an instrument adds, are never negative, and a share of cases lies between 0 and 1 (a quality or a fact without a unit of things, which says otherwise if it is none). Intervals are made on a scale on which
there are no ends, the logarithm or the logit, and taken back; where an estimate stands at an end already
there is no such scale, and what reaches beyond is cut off.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from adabench.harness.contract.card import Metric
from adabench.harness.stats.intervals import FloatArray, Interval, Statistic
from adabench.harness.store.table import TIMED

SHARES = ("", "1", "share")
"""Units of a mean of yes and no; a count has a unit of things."""


class Range(NamedTuple):
    """The ends between which a metric lies."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def differences(self) -> "Range":
        """Where the difference of two such values lies."""
        widest = self.high - self.low
        return Range(-widest, widest)


ANYWHERE, POSITIVE, SHARE = Range(), Range(0.0), Range(0.0, 1.0)


def is_share(metric: Metric | None) -> bool:
    """Say whether a metric is declared as one that cases have or have not: a right answer, a flag."""
    if metric is None or metric.role not in ("quality", "info") or metric.unit not in SHARES:
        return False
    return metric.low is None and metric.high is None


def range_of(name: str, metric: Metric | None) -> Range:
    """Return the range of a metric; anywhere where neither it nor its kind says so."""
    if metric is not None and not (metric.low is None and metric.high is None):
        low = -math.inf if metric.low is None else metric.low
        return Range(low, math.inf if metric.high is None else metric.high)
    if is_share(metric):
        return SHARE
    positive = name.endswith(TIMED) if metric is None else metric.role in ("cost", "work")
    return POSITIVE if positive else ANYWHERE


def clip(found: Interval, ends: Range) -> Interval:
    """Return what of an interval lies in a range, if its estimate does."""
    if found.low is None or found.high is None or not ends.low <= found.estimate <= ends.high:
        return found  # what an estimate contradicts is no range
    low, high = max(found.low, ends.low), min(found.high, ends.high)
    return Interval(found.estimate, low, high)


def on_open_scale(statistic: Statistic, ranges: Sequence[Range]) -> Statistic:
    """Return a statistic (r, k) on scales without ends, given the range of each of the k values."""

    def on_scales(weights: FloatArray) -> FloatArray:
        found = statistic(weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            columns = [_forward(found[:, k], ends) for k, ends in enumerate(ranges)]
        return np.asarray(np.stack(columns, axis=1), np.float64)

    return on_scales


def from_open_scale(found: Interval, ends: Range) -> Interval:
    """Return an interval of an open scale, back in the metric's own unit."""
    low, high = (None if x is None else _back(x, ends) for x in found[1:])
    return Interval(_back(found.estimate, ends), low, high)


def _forward(values: FloatArray, ends: Range) -> FloatArray:
    if math.isinf(ends.low):
        return values
    above = np.log(values - ends.low)
    return above if math.isinf(ends.high) else above - np.log(ends.high - values)


def _back(x: float, ends: Range) -> float:
    if math.isinf(ends.low):
        return x
    if math.isinf(ends.high):
        return ends.low + math.exp(min(x, 700.0))
    return ends.low + (ends.high - ends.low) / (1 + math.exp(min(-x, 700.0)))

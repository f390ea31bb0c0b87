"""Cost at equal quality and quality at equal cost: a method beside the best that statics reach.

*Cost at equal quality*: by how many percent less (negative) or more the method costs, at its
default point, than the cheapest mixture of static settings that is as good. *Quality at equal
cost*: how many points better it is than the best mixture that costs as much. Two settings are
mixed where none stands at that very quality or cost; more may be spent for nothing. Both are
against the statics of the method's own backbone (`gap_anchors.py`), and have intervals of the cases
that all of them share. They need neither an oracle nor a random router.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from adabench.harness.analysis.findings import Compared
from adabench.harness.analysis.gap_anchors import Anchors
from adabench.harness.analysis.metric_range import SHARES
from adabench.harness.analysis.operating_points import shared_places, table
from adabench.harness.analysis.quality_cost_plot import bracket, corners, height, mix
from adabench.harness.analysis.replicates import ReplicateList
from adabench.harness.stats.intervals import FloatArray, Statistic, means

SLACK = 1e-12
"""Relative: rounding of means."""
Comparison = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]
"""(mixture's costs, its qualities, own cost, own quality), each (r, settings), to (r, 1)."""


def cost_at_equal_quality(one: Anchors) -> Compared:
    """Return in percent what the method costs beyond the cheapest mixture as good as it."""
    nothing = Compared(unit="%")
    found = _compared(one, log_cost, is_reached, nothing, "no static mixture is as good")
    values = (found.estimate, found.low, found.high)
    estimate, low, high = (None if x is None else 100 * math.expm1(x) for x in values)
    return replace(found, estimate=estimate, low=low, high=high)


def quality_at_equal_cost(one: Anchors) -> Compared:
    """Return in points how much better the method is than the best mixture of its cost."""
    share = one.quality.unit in SHARES  # told in points
    nothing = Compared(unit="points" if share else one.quality.unit)
    scale = 100.0 if share else 1.0

    def gained(x: FloatArray, y: FloatArray, cost: FloatArray, quality: FloatArray) -> FloatArray:
        return np.asarray(scale * (quality - height(x, y, cost)), np.float64)

    return _compared(one, gained, is_affordable, nothing, "every static setting costs more")


def log_cost(x: FloatArray, y: FloatArray, cost: FloatArray, quality: FloatArray) -> FloatArray:
    """Return the logarithm of a cost over that of the mixture of a quality: no interval is below -100 %.

    Of a quality that no mixture reaches it is that over the best static setting, which is a bound.
    """
    _, hull_x, hull_y = corners(x, y)
    there = mix(hull_x, *bracket(hull_y, quality))
    whole = (there > 0) & (cost > 0)
    quotient = np.divide(cost, there, out=np.full_like(cost, np.nan), where=whole)
    return np.log(quotient, out=np.full_like(cost, np.nan), where=whole)


def is_reached(x: FloatArray, y: FloatArray, cost: FloatArray, quality: FloatArray) -> FloatArray:
    """Say whether static settings reach a quality."""
    best = y.max(axis=1, keepdims=True)
    return np.asarray(quality <= best + SLACK * np.abs(best), np.float64)


def is_affordable(
    x: FloatArray, y: FloatArray, cost: FloatArray, quality: FloatArray
) -> FloatArray:
    """Say whether a static setting costs as little."""
    least = x.min(axis=1, keepdims=True)
    return np.asarray(cost >= least - SLACK * np.abs(least), np.float64)


def _compared(
    one: Anchors, compare: Comparison, within: Comparison, nothing: Compared, beyond: str
) -> Compared:
    """Return a comparison with its interval, or why there is none.

    Where it exists, resamples in which it does not take the bound at that end.
    """
    mixture, own = one.side(one.gap.mixture), one.default()
    missing = one.unrun(one.gap.mixture)
    if not one.gap.mixture:
        return replace(nothing, reason="the task's card names no static mixture")
    if missing:
        return replace(nothing, reason=f"{', '.join(missing)} left no record")
    if not own:
        return replace(nothing, reason="its default point was not run")
    places = shared_places(mixture, own)
    if not places:
        return replace(nothing, reason="no case was solved by both statics and method")
    if not _statistic(one, places, within)(np.ones((1, len(places))))[0, 0]:
        return replace(nothing, reason=beyond)
    found = places.intervals(_statistic(one, places, compare), "bca")[0]
    if not math.isfinite(found.estimate):
        return replace(nothing, reason=f"{one.cost.name} is not positive")
    return replace(
        nothing, estimate=found.estimate, low=found.low, high=found.high, n=len(places),
        trainings=places.trainings,
    )  # fmt: skip


def _statistic(one: Anchors, places: ReplicateList, compare: Comparison) -> Statistic:
    mixture, own = one.side(one.gap.mixture), one.default()
    columns = [
        factor * table(side, places, name)
        for side in (mixture, own)
        for name, factor in ((one.cost.name, 1.0), (one.quality.name, one.sign))
    ]
    ends = np.cumsum([column.shape[1] for column in columns])[:-1]
    mean = means(np.hstack(columns))

    def statistic(weights: FloatArray) -> FloatArray:
        return compare(*np.split(mean(weights), ends, axis=1))

    return statistic

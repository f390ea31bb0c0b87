"""The quality-cost plot of a task: which dots are in it, and the curves through them.

Cost is the task's primary work counter, quality its primary quality metric (turned round if
lower is better, so that up is always good). A dot is a method at a value of each of its
knobs and, if the task hands every method a budget, at a recorded budget; all other
conditions stand at the task's default or, where that was not run, at the first value that
was. Of several scales in one run the smallest is drawn.

A curve is the least concave rising curve over its dots: two settings can be mixed at random,
and more can be spent for nothing. Curves are evaluated for all resamples at once; a hull's
corners are dots, so integrating between all dots' costs is exact.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from adabench.harness.analysis.operating_points import OperatingPoint, Setting, order, settings
from adabench.harness.contract.card import Card, Metric, Scalar
from adabench.harness.stats.intervals import FloatArray, IntArray, upper_hulls

SCALES = ("embedded", "real", "gpu", "paper")

Dots = Mapping[Setting, OperatingPoint]


def axes(card: Card) -> tuple[Metric, Metric] | None:
    """Return a task's primary work and quality, if it names both."""
    cost, quality = _primary(card, "work"), _primary(card, "quality")
    return None if cost is None or quality is None else (cost, quality)


def rising(quality: Metric) -> float:
    """Return the factor that turns a quality so that up is good."""
    return 1.0 if quality.better == "higher" else -1.0


def points_of_plot(dots: Sequence[OperatingPoint], card: Card) -> list[OperatingPoint]:
    """Return the dots at the smallest scale and one value of every condition but the budget."""
    scales = {dot.scale for dot in dots}
    scale = next((scale for scale in SCALES if scale in scales), min(scales))
    own = [dot for dot in dots if dot.scale == scale]
    for knob in card.knobs:
        if knob.name != card.budget:
            value = settled_value(knob.name, knob.default, own)
            own = [dot for dot in own if dot.conditions.get(knob.name, knob.default) == value]
    return own


def settled_value(name: str, default: Scalar, dots: Sequence[OperatingPoint]) -> Scalar:
    """Return the default of a condition if it was run, else the first value that was."""
    values = {dot.conditions.get(name, default) for dot in dots}
    return default if default in values else min(values, key=lambda value: order({name: value}))


def default_dot(dots: Dots, own: Card, task: Card) -> dict[Setting, OperatingPoint]:
    """Return the dot of a method's default point at the default budget (or the first one run)."""
    found, budget = list(dots.values()), task.knob(task.budget)
    if budget is not None and found:
        value = settled_value(budget.name, budget.default, found)
        found = [dot for dot in found if dot.conditions.get(budget.name) == value]
    usual = own.defaults
    return settings([dot for dot in found if {**usual, **dot.point} == usual], ())


def _primary(card: Card, role: str) -> Metric | None:
    return next((m for m in card.metrics if m.primary and m.role == role), None)


def label(setting: Setting) -> str:
    """Name a dot: `method(knob=value)`."""
    method, _, point = setting
    knobs = ", ".join(f"{name}={word or f'{number:g}'}" for name, _, number, word in point)
    return f"{method}({knobs})" if knobs else method


def corners(cost: FloatArray, quality: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the hull's vertices of each row, and their costs and qualities: (r, v) each."""
    hull = upper_hulls(cost, quality)
    return hull, np.take_along_axis(cost, hull, 1), np.take_along_axis(quality, hull, 1)


def bracket(ladder: FloatArray, at: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Find `at` (r, k) between the rising steps of `ladder` (r, v).

    Returns the step below, the step above, and the share of the way from one to the other;
    left of the first step is the first, right of the last the last.
    """
    last = ladder.shape[1] - 1
    below = np.clip((ladder[:, None, :] <= at[:, :, None]).sum(axis=2) - 1, 0, last)
    above = np.minimum(below + 1, last)
    start = np.take_along_axis(ladder, below, 1)
    width = np.take_along_axis(ladder, above, 1) - start
    share = np.divide(at - start, width, out=np.zeros_like(at), where=width > 0)
    return below, above, np.asarray(np.clip(share, 0.0, 1.0), np.float64)


def mix(values: FloatArray, below: IntArray, above: IntArray, share: FloatArray) -> FloatArray:
    """Mix two settings of each row: `values` is (r, v), the result (r, k)."""
    low = np.take_along_axis(values, below, 1)
    return np.asarray(low + share * (np.take_along_axis(values, above, 1) - low), np.float64)


def height(cost: FloatArray, quality: FloatArray, at: FloatArray) -> FloatArray:
    """Return the curve's quality at each cost: dots (r, p) and costs (r, k) to (r, k)."""
    _, x, y = corners(cost, quality)
    return mix(y, *bracket(x, at))

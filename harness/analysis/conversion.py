"""Conversion: how much of the work that a method saves becomes time, or energy.

`K = ln(latency ratio) / ln(work ratio)` of the method's default point against the blind
mixture of static settings of *equal quality*: 1 if all saved work became time, 0 if none
did, negative if the method became slower for all its saving. The mixture's latency is the
mean of its two settings', weighted as they are mixed.

A method that leaves out parts of one static method (`Card.skips_from`) is compared with that
one at its default instead, and the row says by how much their qualities differ. A task's
conditions (prefill, decode) get a row each.

There is no K where the work ratio lies within 0.9..1.1 (it would be a quotient of two noises), nor
where no static mixture reaches the method's quality. Energy counts only where a counter measured
it, never an estimate. A task whose latency is not that of the work it counts says so on its card
(`no_conversion`), and the row gives that reason. All means are over the cases that the method and
every static setting solved; the interval redraws those cases, mixture included.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from adabench.harness.analysis.cost_quality_plane import (
    Dots,
    Plane,
    bracket,
    corners,
    label,
    mix,
    planes,
    settled_value,
)
from adabench.harness.analysis.findings import ConversionRow
from adabench.harness.analysis.operating_points import (
    OperatingPoint,
    ReplicateList,
    Setting,
    settings,
    shared_places,
    table,
)
from adabench.harness.contract.card import Card, Point
from adabench.harness.stats.intervals import FloatArray, Statistic, bootstrap, means

SAME_WORK = (0.9, 1.1)
MEASURED = ("latency_s", "energy_j")
SLACK = 1e-12


def conversion(
    dots: Sequence[OperatingPoint], task_cards: Mapping[str, Card], method_cards: Mapping[str, Card]
) -> tuple[ConversionRow, ...]:
    """Return a row for each adaptive method and measured metric, sorted by address."""
    return tuple(
        replace(_conversion(plane, method, metric), conditions=conditions)
        for conditions, some in _views(dots, task_cards)
        for plane in planes(some, task_cards, method_cards)
        for method in plane.methods("adaptive")
        for metric in MEASURED
        if any(dot.holds(metric).any() for dot in plane.drawn)
    )


def _views(
    dots: Sequence[OperatingPoint], task_cards: Mapping[str, Card]
) -> Iterator[tuple[Point, list[OperatingPoint]]]:
    """Yield each task's dots, then those at every other value of each of its conditions."""
    for task in sorted({dot.task for dot in dots}):
        card, own = task_cards[task], [dot for dot in dots if dot.task == task]
        yield {}, own
        for knob in card.knobs if not card.no_conversion else ():
            usual = settled_value(knob.name, knob.default, own)
            for value in knob.values:
                there = [dot for dot in own if dot.conditions.get(knob.name) == value]
                if knob.name != card.budget and value != usual and there:
                    yield {knob.name: value}, there


def _conversion(plane: Plane, method: str, metric: str) -> ConversionRow:
    whole = plane.cards[method].skips_from
    blind: Dots = plane.dots(plane.methods("static"), metric)
    if whole:
        blind = _default_dot(plane, plane.dots([whole], metric), whole)
    own = _default_dot(plane, plane.dots([method], metric), method)
    places = shared_places(blind, own)
    row = ConversionRow(plane.task, method, metric, None, None, None, plane.cost, None)
    if plane.card.no_conversion:
        return replace(row, reason=plane.card.no_conversion)
    for dots, who in ((own, f"{method} at its default point"), (blind, whole or "a static method")):
        if not dots:
            wanted = f"{plane.cost}, {plane.quality} and {metric}"
            return replace(row, reason=f"{who} has no record of {wanted}")
    if not places:
        return replace(row, reason="no case was solved by both statics and method")
    return _converted(replace(row, n=len(places)), plane, (blind, own), places)


def _default_dot(plane: Plane, dots: Dots, method: str) -> Dots:
    """Return the dot of the method's default point at the default budget (or the first run)."""
    own = list(dots.values())
    if method not in plane.cards:  # it was not run
        return {}
    defaults, budget = plane.cards[method].defaults, plane.card.knob(plane.card.budget)
    if budget is not None and own:
        value = settled_value(budget.name, budget.default, own)
        own = [dot for dot in own if dot.conditions.get(budget.name) == value]
    default = [dot for dot in own if {**defaults, **dot.point} == defaults]
    return settings(default, ())


def _converted(
    row: ConversionRow, plane: Plane, sides: tuple[Dots, Dots], places: ReplicateList
) -> ConversionRow:
    """Fill in the work ratio and, where it is telling, the conversion."""
    names = (plane.cost, plane.quality, row.metric)
    blind, own = ([table(dots, places, name) for name in names] for dots in sides)
    whole = plane.cards[row.method].skips_from
    if whole:
        row = replace(row, reason=_quality_differs(plane, blind, own))
        own[1] = blind[1]  # held to be equal; the reason says how nearly they are
    work, k = bootstrap(places, _exponent(blind, own, plane.sign), "bca")
    if not math.isfinite(work.estimate):
        return replace(row, reason=_unreached(plane, blind, own))
    against = _mixture(list(sides[0]), blind, own, plane.sign)
    row = replace(row, work_ratio=work.estimate, against=against)
    if SAME_WORK[0] <= work.estimate <= SAME_WORK[1]:
        near = f"the work ratio {work.estimate:.3f} is too near 1"
        return replace(row, reason="; ".join(filter(None, [near, row.reason])))
    return replace(row, k=k.estimate, low=k.low, high=k.high)


def _quality_differs(plane: Plane, blind: list[FloatArray], own: list[FloatArray]) -> str:
    gap = float(own[1].mean() - blind[1].mean())
    return f"{plane.quality} differs by {gap:+.3g}" if gap else ""


def _exponent(blind: list[FloatArray], own: list[FloatArray], sign: float) -> Statistic:
    """Return the statistic (work ratio, K), undefined out of the static settings' reach."""
    ends = [blind[0].shape[1] * i for i in (1, 2, 3)] + [3 * blind[0].shape[1] + i for i in (1, 2)]
    mean = means(np.hstack(blind + own))

    def statistic(weights: FloatArray) -> FloatArray:
        cost, quality, metric, work, reached, spent = np.split(mean(weights), ends, axis=1)
        hull, x, y = corners(cost, sign * quality)
        steps = bracket(y, sign * reached)
        outside = _outside(y, sign * reached)
        work_ratio = _quotient(work, mix(x, *steps), outside)
        ratio = _quotient(spent, mix(np.take_along_axis(metric, hull, 1), *steps), outside)
        with np.errstate(divide="ignore", invalid="ignore"):
            k = np.log(ratio) / np.log(work_ratio)
        return np.hstack([work_ratio, np.where(np.isfinite(k), k, np.nan)])

    return statistic


def _outside(ladder: FloatArray, at: FloatArray) -> FloatArray:
    """Say in each row whether `at` (r, 1) lies beyond the ends of `ladder` (r, v)."""
    low, high = ladder[:, :1], ladder[:, -1:]
    slack = SLACK * np.maximum(np.abs(low), np.abs(high))
    return np.asarray((at < low - slack) | (at > high + slack), np.float64)


def _quotient(top: FloatArray, bottom: FloatArray, outside: FloatArray) -> FloatArray:
    good = (top > 0) & (bottom > 0) & (outside == 0)
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=good)


def _mixture(
    names: list[Setting], blind: list[FloatArray], own: list[FloatArray], sign: float
) -> str:
    """Name the one or two static settings whose mixture has the method's quality."""
    cost, quality = (column.mean(axis=0, keepdims=True) for column in blind[:2])
    hull, _, y = corners(cost, sign * quality)
    below, above, share = bracket(y, sign * own[1].mean(axis=0, keepdims=True))
    ends = [hull[0, below[0, 0]]] if share[0, 0] < 1 else []
    ends += [hull[0, above[0, 0]]] if share[0, 0] > 0 else []
    return " + ".join(label(names[end]) for end in ends)


def _unreached(plane: Plane, blind: list[FloatArray], own: list[FloatArray]) -> str:
    """Say why there is no work ratio."""
    quality = blind[1].mean(axis=0, keepdims=True)
    _, _, y = corners(blind[0].mean(axis=0, keepdims=True), plane.sign * quality)
    reached, ends = float(own[1].mean()), sorted(plane.sign * y[0, [0, -1]])
    if _outside(y, np.array([[plane.sign * reached]]))[0, 0]:
        reach = f"{ends[0]:.4g} to {ends[1]:.4g}"
        return f"no static mixture has its {plane.quality} of {reached:.4g}: they reach {reach}"
    return f"{plane.cost} is not positive: it has no ratio"

"""Draws the quality-cost plot of a task: what a method costs against how good its answers are.

Three curves span it: the static mixture (dashed) is the upper concave hull of the static methods, the oracle (dotted) allocates with the
answers known, and between them every method has its frontier over its knobs and the task's budget. Points that it dominates are faint,
whiskers are 95 % intervals, the shade is the band of the common frontier (`harness/analysis/frontier_band.py`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adabench.harness.analysis.findings import Findings, SummaryRow
from adabench.harness.contract.card import Metric
from adabench.harness.errors import SelectionError, nearest
from adabench.harness.stats.intervals import pareto_front, upper_hull
from adabench.reports import highlights, shown_points
from adabench.reports.figures import allocation, curves
from adabench.reports.figures.direct_names import write_names
from adabench.reports.figures.style import (
    GREY,
    NAME_PT,
    SLATE,
    LineName,
    Stroke,
    axis_label,
    canvas,
    drawing,
    file_stem,
    headings,
    save,
    scale_axis,
    short,
    strokes,
)
from adabench.reports.number_format import quantity
from adabench.reports.shown_points import (
    card_of,
    gap_of,
    gap_text,
    held_settings,
    metric_named,
    primary,
    settled_rows,
    tasks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Spot:
    """One operating point of the plot."""

    method: str
    x: float
    y: float
    x_ends: tuple[float, float] | None = None
    y_ends: tuple[float, float] | None = None


@dataclass(frozen=True)
class QualityCost:
    """What a quality-cost plot shows: two metrics and the points of every method."""

    cost: Metric
    quality: Metric
    spots: tuple[Spot, ...]
    held: str
    """The conditions that are the same for all."""

    def of(self, method: str) -> list[Spot]:
        """Return a method's points."""
        return [spot for spot in self.spots if spot.method == method]


def layout(findings: Findings, task: str, cost: str | None = None) -> QualityCost:
    """Return the points of a task's quality-cost plot: over knobs and budget, else at the defaults.

    Raises:
        SelectionError: if the task has no such cost, or no work and quality metric at all.
    """
    card = findings.task_cards[task]
    quality, work = primary(card, "quality"), primary(card, "work")
    axis = metric_named(card, cost) if cost else work
    if quality is None or axis is None:
        raise SelectionError(
            f"{task} names no quality and work metric, so it has no quality-cost plot.",
            "Give its card one primary metric of each role.",
        )
    rows = settled_rows(findings, task, (card.budget,))
    spots = [spot for row in rows if (spot := _spot(row, axis, quality))]
    if cost and not spots:
        known = {name for row in rows for name in row.metrics}
        raise SelectionError(f"{task} has no recorded {cost}.", nearest(cost, known))
    return QualityCost(axis, quality, tuple(spots), held_settings(rows, (card.budget,)))


def _spot(row: SummaryRow, cost: Metric, quality: Metric) -> Spot | None:
    x, y = row.metrics.get(cost.name), row.metrics.get(quality.name)
    if x is None or y is None:
        return None
    ends = [None if e.low is None or e.high is None else (e.low, e.high) for e in (x, y)]
    return Spot(row.method, x.estimate, y.estimate, *ends)


def front(spots: Sequence[Spot], cost: Metric, quality: Metric) -> list[Spot]:
    """Return the points that no other beats in both metrics, the cheapest first."""
    return [spots[i] for i in pareto_front(*_upright(spots, cost, quality))]


def hull(spots: Sequence[Spot], cost: Metric, quality: Metric) -> list[Spot]:
    """Return the corners of the concave hull over the front: what mixing settings reaches."""
    return [spots[i] for i in upper_hull(*_upright(spots, cost, quality))] if spots else []


def _upright(
    spots: Sequence[Spot], cost: Metric, quality: Metric
) -> tuple[list[float], list[float]]:
    """Return costs and qualities, turned so that less cost and more quality are better."""
    right = 1.0 if cost.better == "lower" else -1.0
    up = 1.0 if quality.better == "higher" else -1.0
    return [right * spot.x for spot in spots], [up * spot.y for spot in spots]


def on_front(findings: Findings, shown: QualityCost, task: str) -> list[str]:
    """Return the methods, oracles apart, that own a point of the plot's common Pareto frontier."""
    finite = [s for s in shown.spots if math.isfinite(s.x) and math.isfinite(s.y)]
    real = [s for s in finite if card_of(findings, task, s.method).role != "oracle"]
    best = front(real, shown.cost, shown.quality)
    ties = {(spot.x, spot.y) for spot in best}
    return sorted({spot.method for spot in real if (spot.x, spot.y) in ties})


def plot(findings: Findings, task: str, cost: str | None = None) -> "Figure":
    """Draw a task's quality-cost plot. `cost` names another cost metric than the primary work.

    Raises:
        SelectionError: see `layout`.
    """
    shown = layout(findings, task, cost)
    looks = strokes(findings, task)
    names = [name for name in looks if shown.of(name)]
    with drawing():
        figure, axes = canvas()
        headings(axes, *_title(task, shown), shown.held)
        axes.set_xlabel(_axis(findings, shown.cost))
        axes.set_ylabel(_axis(findings, shown.quality))
        if not shown.spots:
            axes.text(0.5, 0.5, "nothing was recorded", transform=axes.transAxes, ha="center")
            return figure
        scale_axis(axes, "x", shown.cost.unit, [spot.x for spot in shown.spots], beyond=20)
        scale_axis(axes, "y", shown.quality.unit, [spot.y for spot in shown.spots], beyond=1000)
        lines = {name: _draw(axes, shown, name, looks[name]) for name in names}
        axes.margins(0.06)
        shade_front(axes, findings, task, shown)
        labels = line_names(findings, task, lines)
        labels[4:4] = _mixture(axes, findings, task, shown)
        write_names(axes, labels, NAME_PT)
    return figure


def shade_front(axes: "Axes", findings: Findings, task: str, shown: QualityCost) -> None:
    """Tint where the common front lies with 95 %, without changing what is in view."""
    band = next((one for one in findings.fronts if one.task == task), None)
    names = shown.cost.name, shown.quality.name
    if band is None or (band.cost, band.quality) != names or not band.worst:
        return
    across, up = axes.get_xlim(), axes.get_ylim()
    xs = sorted({x for x, _ in (*band.worst, *band.best)} | {max(across)})
    xs = [x for x in xs if x >= band.worst[0][0]]
    low, high = ([_step(steps, x) for x in xs] for steps in (band.worst, band.best))
    axes.fill_between(xs, low, high, step="post", color=SLATE, alpha=0.13, linewidth=0, zorder=0.6)
    axes.set_xlim(across)
    axes.set_ylim(up)


def _step(steps: Sequence[tuple[float, float]], at: float) -> float:
    """Return the last step's quality at or before a cost."""
    return next((y for x, y in reversed(steps) if x <= at), steps[0][1])


def _title(task: str, shown: QualityCost) -> tuple[str, str]:
    vertical = "up" if shown.quality.better == "higher" else "down"
    sideways = "left" if shown.cost.better == "lower" else "right"
    quality, cost = (m.name.replace("_", " ") for m in (shown.quality, shown.cost))
    return f"{task}: {quality} against {cost}", f"better is {vertical} and to the {sideways}"


def _draw(axes: "Axes", shown: QualityCost, name: str, look: Stroke) -> list[Spot]:
    """Draw a method's points and front; return its front."""
    own = shown.of(name)
    best = front(own, shown.cost, shown.quality)
    for spots, alpha in ((best, 1.0), ([s for s in own if s not in best], 0.35)):
        for spot in spots:
            _whiskers(axes, spot, look, alpha)
        axes.plot(
            [s.x for s in spots],
            [s.y for s in spots],
            marker=look.mark,
            linestyle=look.dash if alpha == 1.0 else "none",
            color=look.colour,
            linewidth=look.width,
            markersize=5,
            alpha=alpha,
            markeredgewidth=0,
            zorder=2.2 if look.colour == GREY else 3.0,
        )
    return best


def _whiskers(axes: "Axes", spot: Spot, look: Stroke, alpha: float) -> None:
    style: dict[str, Any] = {"color": look.colour, "linewidth": 1.0, "alpha": 0.7 * alpha}
    if spot.y_ends:
        axes.plot([spot.x, spot.x], spot.y_ends, **style)
    if spot.x_ends:
        axes.plot(spot.x_ends, [spot.y, spot.y], **style)


def line_names(
    findings: Findings, task: str, lines: Mapping[str, Sequence[Spot]], form: str = " · gap {}"
) -> list[LineName]:
    """Return the names that a plot writes, the important first, with the oracle gap that each closes."""
    looks = strokes(findings, task)
    found = []
    for name in highlights.names(findings, task, list(lines), highlights.MOST - 1):
        row = gap_of(findings, task, name)
        measured = row is not None and row.gap_closed is not None
        text = f"{short(name)}{form.format(gap_text(row))}" if measured else short(name)
        line = tuple((spot.x, spot.y) for spot in lines[name])
        found.append(LineName(text, line, looks[name]))
    return found


def _mixture(axes: "Axes", findings: Findings, task: str, shown: QualityCost) -> list[LineName]:
    """Draw the hull of the static methods; a straight line is a curve on a log axis."""
    static = [s for s in shown.spots if card_of(findings, task, s.method).role == "static"]
    corners = hull(static, shown.cost, shown.quality)
    if len(corners) < 2:
        return []
    xs, ys = [corners[0].x], [corners[0].y]
    for a, b in pairwise(corners):
        shares = [step / 24 for step in range(1, 25)]
        xs += [a.x + (b.x - a.x) * share for share in shares]
        ys += [a.y + (b.y - a.y) * share for share in shares]
    axes.plot(xs, ys, color=SLATE, linewidth=2.2, linestyle=(0, (4, 2)), zorder=2.5)
    _shade(axes, xs, ys, shown.quality)
    line = tuple(zip(xs, ys, strict=True))
    return [LineName("static mixture", line, Stroke(SLATE, "_"))]


def _shade(axes: "Axes", xs: list[float], ys: list[float], quality: Metric) -> None:
    """Tint what lies on the worse side of the hull, without changing what is in view."""
    bounds = axes.get_ylim()
    worst = bounds[0] if quality.better == "higher" else bounds[1]
    axes.fill_between(xs, ys, worst, color=SLATE, alpha=0.07, linewidth=0, zorder=0.5)
    axes.set_ylim(bounds)


def _axis(findings: Findings, metric: Metric) -> str:
    return axis_label(metric, shown_points.energy_label(findings, metric.name))


def describe(findings: Findings, task: str) -> str:
    """Return in words what the plot shows, for readers who do not see it."""
    shown = layout(findings, task)
    names = sorted({spot.method for spot in shown.spots})
    winners = ", ".join(on_front(findings, shown, task)) or "none"
    ranges = [
        f"{_axis(findings, m)} from {quantity(min(v), m.unit)} to {quantity(max(v), m.unit)}"
        for m, v in (
            (shown.cost, [s.x for s in shown.spots]),
            (shown.quality, [s.y for s in shown.spots]),
        )
        if v
    ]
    return (
        f"Quality-cost plot of {task} for {len(names)} methods, {' and '.join(ranges)}. "
        f"On the Pareto frontier, oracles apart: {winners}."
        f"{f' Held at {shown.held}.' if shown.held else ''}"
    )


def save_figures(findings: Findings, folder: Path) -> list[Path]:
    """Write the figures of each task into `folder`, each as PNG and SVG.

    They are quality-cost-<task>, allocation-<task> and curves-<task>-<condition>.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for task in tasks(findings):
        if has_plot(findings, task):
            written += save(plot(findings, task), folder, file_stem("quality-cost", task))
        if allocation.has_allocation(findings, task):
            figure = allocation.allocation(findings, task)
            written += save(figure, folder, file_stem("allocation", task))
        for over in curves.swept_conditions(findings, task):
            figure = curves.curves(findings, task, over)
            written += save(figure, folder, file_stem("curves", task, over))
    return written


def has_plot(findings: Findings, task: str) -> bool:
    """Tell whether a task has both axes and at least one point."""
    card = findings.task_cards.get(task)
    if card is None or not primary(card, "quality") or not primary(card, "work"):
        return False
    return bool(layout(findings, task).spots)

"""Draws the figures of a paper, one column wide, for `adabench report RUN --figures DIR`.

Each is SVG, PDF and PNG, each table LaTeX and Markdown, and `figures.tex` has a caption for each figure. There is no legend: at most eight
lines say their name beside them, the others are grey, and each has a mark of its own. The same run gives the same bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adabench.harness.analysis.findings import Findings, GapRow
from adabench.harness.contract.card import Scalar
from adabench.reports import shown_points
from adabench.reports.figures import allocation, curves, pareto
from adabench.reports.figures.curves import Curve, Curves
from adabench.reports.figures.direct_names import write_names
from adabench.reports.figures.pareto import QualityCost, Spot
from adabench.reports.figures.style import (
    INK,
    RULE,
    SLATE,
    LineName,
    Stroke,
    axis_label,
    file_stem,
    scale_axis,
    short,
    strokes,
)
from adabench.reports.number_format import quantity
from adabench.reports.paper import latex_tables
from adabench.reports.paper.print_style import (
    BOTTOM_IN,
    SMALL_PT,
    TOP_IN,
    canvas,
    canvas_of,
    paper,
    save,
    sparse,
    tail,
)
from adabench.reports.shown_points import card_of, gap_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TIMED = ("latency_s", "energy_j")
CROWDED = 7
"""Classes of input beside each other; more have their names upright and two digits."""


@dataclass(frozen=True)
class PaperFigure:
    """A figure with its file name and what it shows in words."""

    stem: str
    figure: "Figure"
    caption: str


def save_all(findings: Findings, folder: Path) -> list[Path]:
    """Write all figures and tables of a run into a folder, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    captions = []
    for drawn in figures(findings):
        written += save(drawn.figure, folder, drawn.stem)
        captions.append(latex_tables.figure(drawn.stem, drawn.caption))
    for name, text in {**latex_tables.tables(findings), "figures.tex": "\n".join(captions)}.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def figures(findings: Findings) -> Iterator[PaperFigure]:
    """Yield every figure that the run has data for."""
    for task in shown_points.tasks(findings):
        if pareto.has_plot(findings, task):
            for cost in (None, *_timed(findings, task)):
                yield _quality_cost(findings, task, cost)
        for over in curves.swept_conditions(findings, task):
            words = curves.describe(findings, task, over)
            yield PaperFigure(file_stem("curves", task, over), _curves(findings, task, over), words)
        if allocation.has_allocation(findings, task):
            words = allocation.describe(findings, task)
            yield PaperFigure(file_stem("allocation", task), _allocation(findings, task), words)
    rows = [row for row in findings.gaps if row.gap_closed is not None]
    if rows:
        yield PaperFigure("oracle-gap", _gaps(findings, rows), GAPS)


GAPS = (
    "Oracle gap closed: of what an oracle gains over the mixture of static settings at "
    "equal work, the share each method gets. Bars are 95 % intervals; 1 is the oracle, -1 the "
    "random router. Methods without a number are left out; their words stand in the table."
)


def _axis(findings: Findings, metric: Any) -> str:
    return axis_label(metric, shown_points.energy_label(findings, metric.name))


# The quality-cost plot


def _timed(findings: Findings, task: str) -> list[str]:
    """Return the instruments' readings that can stand on the cost axis: never an estimate."""
    rows = [row for row in findings.summary if row.task == task]
    found = [name for name in TIMED if any(name in row.metrics for row in rows)]
    return [name for name in found if findings.labels.get(name) != "estimated"]


def _quality_cost(findings: Findings, task: str, cost: str | None) -> PaperFigure:
    shown = pareto.layout(findings, task, cost)
    stem = file_stem("quality-cost", task, *([cost] if cost else []))
    words = f"{task}: {_axis(findings, shown.quality)} against {_axis(findings, shown.cost)}. "
    winners = ", ".join(pareto.on_front(findings, shown, task)) or "none"
    words += (
        "Dashed: the mixture of static methods; dotted: the oracle; faint: points that "
        "the method's own frontier dominates; whiskers: 95 % intervals; shaded: the band of the Pareto frontier. On the frontier,  "
        f"oracles apart: {winners}."
    )
    return PaperFigure(
        stem, plot(findings, task, shown), words + (f" At {shown.held}." * bool(shown.held))
    )


def plot(findings: Findings, task: str, shown: QualityCost) -> "Figure":
    """Draw a task's quality-cost plot at a column's width."""
    looks = strokes(findings, task)
    names = [name for name in looks if shown.of(name)]
    with paper():
        figure, axes = canvas()
        axes.set_xlabel(_axis(findings, shown.cost))
        axes.set_ylabel(_axis(findings, shown.quality))
        scale_axis(axes, "x", shown.cost.unit, [spot.x for spot in shown.spots], beyond=20)
        scale_axis(axes, "y", shown.quality.unit, [spot.y for spot in shown.spots], beyond=1000)
        sparse(axes)
        lines = {name: _method(axes, shown, name, looks[name]) for name in names}
        axes.margins(0.06)
        pareto.shade_front(axes, findings, task, shown)
        labels = pareto.line_names(findings, task, lines, " ({})")
        labels[4:4] = _mixture(axes, findings, task, shown)
        write_names(axes, labels, SMALL_PT)
    return figure


def _method(axes: "Axes", shown: QualityCost, name: str, look: Stroke) -> list[Spot]:
    """Draw a method's points and front; return its front."""
    own = shown.of(name)
    best = pareto.front(own, shown.cost, shown.quality)
    for spots, alpha in ((best, 1.0), ([s for s in own if s not in best], 0.3)):
        for spot in spots:
            _whiskers(axes, spot, look.colour, alpha)
        axes.plot([s.x for s in spots], [s.y for s in spots], marker=look.mark, markersize=3,
                  linestyle=look.dash if alpha == 1.0 else "none", color=look.colour,
                  linewidth=0.6 * look.width, alpha=alpha, mew=0)  # fmt: skip
    return best


def _whiskers(axes: "Axes", spot: Spot, colour: str, alpha: float) -> None:
    style: dict[str, Any] = {"color": colour, "linewidth": 0.6, "alpha": 0.7 * alpha}
    if spot.y_ends:
        axes.plot([spot.x, spot.x], spot.y_ends, **style)
    if spot.x_ends:
        axes.plot(spot.x_ends, [spot.y, spot.y], **style)


def _mixture(axes: "Axes", findings: Findings, task: str, shown: QualityCost) -> list[LineName]:
    """Draw what mixing static settings reaches; a straight line is a curve on a log axis."""
    static = [s for s in shown.spots if card_of(findings, task, s.method).role == "static"]
    corners = pareto.hull(static, shown.cost, shown.quality)
    if len(corners) < 2:
        return []
    shares = [step / 24 for step in range(25)]
    xs = [a.x + (b.x - a.x) * share for a, b in pairwise(corners) for share in shares]
    ys = [a.y + (b.y - a.y) * share for a, b in pairwise(corners) for share in shares]
    axes.plot(xs, ys, color=SLATE, linewidth=1.3, linestyle=(0, (3, 1.5)), zorder=2.5)
    line = tuple(zip(xs, ys, strict=True))
    return [LineName("static mixture", line, Stroke(SLATE, "_"))]


# Curves, allocation, gaps


def _curves(findings: Findings, task: str, over: str) -> "Figure":
    shown = curves.layout(findings, task, over)
    looks = strokes(findings, task)
    with paper():
        figure, axes = canvas()
        axes.set_xlabel(over.replace("_", " "))
        label = axis_label(shown.metric, shown_points.energy_label(findings, shown.metric.name))
        axes.set_ylabel(f"{label} / {shown.relative_to}" if shown.relative_to else label)
        heights = [e.estimate for curve in shown.curves for e in curve.estimates]
        unit = "" if shown.relative_to else shown.metric.unit
        scale_axis(axes, "y", unit, heights or [0.0], beyond=10)
        places = curves.place_values(axes, shown)
        lines = {c.method: _curve(axes, shown, c, places, looks[c.method]) for c in shown.curves}
        axes.margins(0.05)
        write_names(axes, curves.line_names(findings, task, lines), SMALL_PT)
    return figure


def _curve(
    axes: "Axes", shown: Curves, curve: Curve, places: Mapping[Scalar, float], look: Stroke
) -> tuple[tuple[float, float], ...]:
    shift = 0.0
    if not shown.has_order:
        shift = 0.6 * ((shown.curves.index(curve) + 0.5) / len(shown.curves) - 0.5)
    xs = [places[value] + shift for value in curve.values]
    ys = [e.estimate for e in curve.estimates]
    axes.plot(xs, ys, marker=look.mark, markersize=3, color=look.colour, mew=0,
              linewidth=0.6 * look.width, linestyle=look.dash if shown.has_order else "none")  # fmt: skip
    for x, e in zip(xs, curve.estimates, strict=True):
        if e.low is not None and e.high is not None:
            axes.plot([x, x], [e.low, e.high], color=look.colour, linewidth=0.6, alpha=0.7)
    return tuple(zip(xs, ys, strict=True))


def _allocation(findings: Findings, task: str) -> "Figure":
    found = allocation.rows(findings, task)
    names = allocation.classes(findings.task_cards[task].allocation)
    crowded = len(names) > CROWDED
    foot = 0.15 + 0.055 * max(map(len, map(short, names))) if crowded else BOTTOM_IN
    with paper():
        figure, axes = canvas_of(foot + TOP_IN + 0.15 * len(found), 0.98, 0.05, foot)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.grid(False)
        axes.tick_params(length=0)
        _boxes(axes, found, 2 if crowded else 3)
        axes.set_xticks(range(len(names)), [short(name) for name in names])
        axes.tick_params(axis="x", rotation=90 if crowded else 0)
        axes.set_yticks(range(len(found)), [short(method) for method, _ in found])
        for side in axes.spines.values():
            side.set_visible(False)
    return figure


def _boxes(axes: "Axes", found: Sequence[allocation.Row], digits: int) -> None:
    from matplotlib.patches import Rectangle

    top = max(value for _, values in found for value in values if value is not None)
    for y, (_, values) in enumerate(found):
        for x, value in enumerate(values):
            share = max(0.0, (value or 0.0) / top) if top > 0 else 0.0
            axes.add_patch(Rectangle((x - 0.48, y - 0.45), 0.96, 0.9, facecolor=_shade(share)))
            ink = "white" if share > allocation.DARK_FROM else INK
            text = "–" if value is None else quantity(value, "", digits)
            axes.text(x, y, text, ha="center", va="center", color=ink, fontsize=SMALL_PT)


def _shade(share: float) -> tuple[float, ...]:
    ends = zip(allocation.PALE, allocation.DEEP, strict=True)
    return tuple(pale + (deep - pale) * share for pale, deep in ends)


def _gaps(findings: Findings, rows: Sequence[GapRow]) -> "Figure":
    several = len({row.task for row in rows}) > 1
    ordered = sorted(rows, key=lambda row: (row.task, *gap_order(row)))
    with paper():
        height = BOTTOM_IN + TOP_IN + 0.145 * len(ordered)
        figure, axes = canvas_of(height, 1.25, 0.08)
        axes.set_ylim(len(ordered) - 0.4, -0.6)
        axes.axvline(0, color=SLATE, linewidth=0.6, linestyle=(0, (3, 1.5)))
        axes.axvline(1, color=INK, linewidth=0.6, linestyle=(0, (1, 1.6)))
        for y, row in enumerate(ordered):
            look = strokes(findings, row.task)[row.method]
            if row.low is not None and row.high is not None:
                axes.plot([row.low, row.high], [y, y], color=look.colour, linewidth=1.4, alpha=0.6)
            axes.plot(
                [row.gap_closed or 0.0], [y], look.mark, color=look.colour, markersize=3.6, mew=0
            )
        names = [f"{row.task}/{row.method}" if several else row.method for row in ordered]
        axes.set_yticks(range(len(ordered)), [tail(name) for name in names])
        axes.set_xlabel("oracle gap closed (0: static mixture, 1: oracle)")
        axes.grid(axis="y", color=RULE)
    return figure

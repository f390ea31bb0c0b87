"""Draws where the compute went: work per class of input (`Card.allocation`), one row per method.

Each method is shown at its default operating point, darker where it spends more; a row of one shade does not adapt, whatever it saves.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adabench.harness.analysis.findings import Findings
from adabench.reports.figures.style import SLATE, drawing, headings, short
from adabench.reports.number_format import quantity
from adabench.reports.shown_points import card_of, default_row, held_settings, methods, metric_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALE, DEEP = (0.93, 0.95, 0.98), (0.0, 0.447, 0.698)
DARK_FROM = 0.55
"""Share of the ramp from which white figures are easier to read than black ones."""

Row = tuple[str, tuple[float | None, ...]]


def has_allocation(findings: Findings, task: str) -> bool:
    """Tell whether a task names classes and some method recorded them."""
    return any(any(value is not None for value in values) for _, values in rows(findings, task))


def rows(findings: Findings, task: str) -> list[Row]:
    """Return each method that recorded its work per class; None for a class that it has not."""
    if task not in findings.task_cards:
        return []
    names = findings.task_cards[task].allocation
    found: list[Row] = []
    for method in methods(findings, task):
        row = default_row(findings, task, method)
        if row is not None and names:
            metrics = [row.metrics.get(name) for name in names]
            if any(metrics):
                found.append((method, tuple(one.estimate if one else None for one in metrics)))
    return found


def classes(names: Sequence[str]) -> list[str]:
    """Return the names of the classes: the metrics' without what they all begin with."""
    first, _, _ = names[0].partition("_")
    shared = all(name.startswith(f"{first}_") for name in names)
    return [name.removeprefix(f"{first}_" if shared else "").replace("_", " ") for name in names]


def describe(findings: Findings, task: str) -> str:
    """Say in words what the figure shows."""
    names = findings.task_cards[task].allocation
    parts = []
    for method, values in rows(findings, task):
        known = [(v, label) for v, label in zip(values, classes(names), strict=True)
                 if v is not None]  # fmt: skip
        if known and card_of(findings, task, method).role == "adaptive":
            least, most = min(known), max(known)
            parts.append(
                f"{method} spends least on {least[1]} ({least[0]:.2f}) and most on "
                f"{most[1]} ({most[0]:.2f})"
            )
    return f"Work by class of input in {task}. " + "; ".join(parts) + "." * bool(parts)


def allocation(findings: Findings, task: str) -> "Figure":
    """Draw the classes as columns and the methods as rows, darker for more work."""
    card = findings.task_cards[task]
    found = rows(findings, task)
    top = max(value for _, values in found for value in values if value is not None)
    with drawing():
        figure, axes = _canvas(len(found), len(card.allocation))
        for y, (_, values) in enumerate(found):
            for x, value in enumerate(values):
                _box(axes, x, y, value, top)
        axes.set_xticks(range(len(card.allocation)), classes(card.allocation))
        axes.set_yticks(range(len(found)), [short(method) for method, _ in found])
        unit = metric_named(card, card.allocation[0]).unit
        shown = [row for row in (default_row(findings, task, m) for m, _ in found) if row]
        headings(axes, f"{task}: where the compute goes", f"{unit}, darker is more",
                 held_settings(shown, ()))  # fmt: skip
    return figure


def _canvas(methods: int, columns: int) -> "tuple[Figure, Axes]":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height = 1.5 + 0.3 * methods
    figure = Figure(figsize=(8.0, height))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.2, 0.6 / height, 0.76, 1 - 1.3 / height))
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(methods - 0.5, -0.5)
    axes.grid(False)
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _box(axes: "Axes", x: int, y: int, value: float | None, top: float) -> None:
    from matplotlib.patches import Rectangle

    if value is None:
        axes.text(x, y, "-", ha="center", va="center", color=SLATE, fontsize=8)
        return
    share = max(0.0, value / top) if top > 0 else 0.0
    colour = tuple(p + (d - p) * share for p, d in zip(PALE, DEEP, strict=True))
    axes.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=colour, edgecolor="none"))
    ink = "#ffffff" if share > DARK_FROM else "#1e1e1e"
    axes.text(x, y, quantity(value, ""), ha="center", va="center", color=ink, fontsize=8)

"""Draws how cost bends when a condition or a knob is turned, one line per method.

Where the oracle was recorded under the same conditions the cost is relative to it (a competitive ratio), with the interval of the method's
mean. An axis that spans more than a factor of ten is logarithmic; a condition without an order gets points instead of lines; an error swept
from 0 over decades stands at even steps, for 0 has no place on a logarithmic axis.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from adabench.harness.analysis.findings import Estimate, Findings, SummaryRow
from adabench.harness.contract.card import Metric, Scalar
from adabench.harness.contract.load import CONDITIONS, LATENCY
from adabench.harness.errors import SelectionError, nearest
from adabench.reports import highlights, shown_points
from adabench.reports.figures.direct_names import write_names
from adabench.reports.figures.style import (
    NAME_PT,
    SLATE,
    LineName,
    Stroke,
    axis_label,
    canvas,
    drawing,
    headings,
    scale_axis,
    short,
    strokes,
)
from adabench.reports.number_format import quantity
from adabench.reports.shown_points import (
    at_default_knobs,
    card_of,
    cost_metrics,
    held_settings,
    in_order,
    is_number,
    metric_named,
    primary,
    settled_rows,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DECADES = 20.0
"""Numbers that span more are drawn on a logarithmic axis, or one apart if 0 is among them."""
KNOB_VALUES = 3
"""A knob with fewer recorded values than this is told better by the quality-cost plot."""


@dataclass(frozen=True)
class Curve:
    """A method's estimates over the swept values, in their order."""

    method: str
    values: tuple[Scalar, ...]
    estimates: tuple[Estimate, ...]


@dataclass(frozen=True)
class Curves:
    """What a figure shows: a metric over a condition or knob, perhaps relative to an oracle."""

    metric: Metric
    over: str
    relative_to: str
    values: tuple[Scalar, ...]
    """All swept values: numbers by size, words in the order of the card."""
    curves: tuple[Curve, ...]
    held: str
    """The conditions that are the same for all."""

    @property
    def has_order(self) -> bool:
        """Numbers lie on a line; words and switches do not."""
        return all(is_number(value) for value in self.values)

    @property
    def is_even(self) -> bool:
        """Words stand one apart, and so do numbers that begin with 0 and then span decades."""
        if not self.has_order:
            return True
        above = [float(value) for value in self.values if float(value) > 0]
        has_none = len(above) < len(self.values)
        return has_none and bool(above) and max(above) > DECADES * min(above)


def swept_conditions(findings: Findings, task: str) -> list[str]:
    """Return what was swept: conditions with two recorded values, then knobs with three."""
    if task not in findings.task_cards:
        return []
    card = findings.task_cards[task]
    rows = [row for row in findings.summary if row.task == task]
    over = [knob.name for knob in card.knobs if len(_recorded(rows, knob.name)) > 1]
    knobs = {name for row in rows for name in row.point if name not in over}
    over += [name for name in sorted(knobs) if len(_recorded(rows, name)) >= KNOB_VALUES]
    return [name for name in over if _has_line(findings, task, name)]


def layout(findings: Findings, task: str, over: str, metric: str | None = None) -> Curves:
    """Return the curves of a task over one condition or knob.

    Without `metric` it is the task's first cost metric, or its quality if it has none; over a load, the seconds.

    Raises:
        SelectionError: if there is nothing to draw.
    """
    card = findings.task_cards[task]
    costs = cost_metrics(card)
    metric = metric or (LATENCY if over in CONDITIONS else None)
    drawn = (
        metric_named(card, metric) if metric else (costs[0] if costs else primary(card, "quality"))
    )
    if drawn is None:
        raise SelectionError(f"{task} names no cost or quality metric, so it has no curves.")
    knob = card.knob(over)
    recorded = _recorded_over(findings, task, over, drawn.name)
    rows = rows_over(findings, task, over, drawn.name)
    if not rows:
        known = [*card.defaults, *(name for row in findings.summary for name in row.point)]
        raise SelectionError(f"{task} has nothing recorded over {over}.", nearest(over, known))
    words = knob.values if knob else ()
    values = in_order((value_of(row, over) for row in rows), words)
    oracle, base = "", dict[Scalar, float]()
    if drawn.role != "quality":
        oracle, base = _oracle(findings, at_default_knobs(findings, recorded), drawn, over, values)
    names = list(strokes(findings, task))
    lines = [_curve(n, rows, over, drawn.name, base) for n in names if not (knob and n == oracle)]
    known_lines = tuple(line for line in lines if line.values)
    return Curves(drawn, over, oracle, tuple(values), known_lines, held_settings(rows, (over,)))


def rows_over(findings: Findings, task: str, over: str, metric: str) -> list[SummaryRow]:
    """Return the rows that make up the curves over one condition or knob."""
    recorded = _recorded_over(findings, task, over, metric)
    if findings.task_cards[task].knob(over):
        return at_default_knobs(findings, recorded)
    return _over_knob(recorded, over)


def _recorded_over(findings: Findings, task: str, over: str, metric: str) -> list[SummaryRow]:
    return [row for row in settled_rows(findings, task, (over,)) if metric in row.metrics]


def _curve(
    method: str, rows: Sequence[SummaryRow], over: str, metric: str, base: Mapping[Scalar, float]
) -> Curve:
    found = {value_of(r, over): r.metrics[metric] for r in rows if r.method == method}
    values = in_order(found, tuple(base))
    divided = [_divided(found[value], base.get(value, 1.0)) for value in values]
    return Curve(method, tuple(values), tuple(divided))


def _divided(e: Estimate, by: float) -> Estimate:
    low, high = (None if end is None else end / by for end in (e.low, e.high))
    return Estimate(e.estimate / by, low, high, e.n)


def _oracle(
    findings: Findings, rows: Sequence[SummaryRow], metric: Metric, over: str, values: list[Scalar]
) -> tuple[str, dict[Scalar, float]]:
    """Return the oracle, and its value at each swept value, if it is known and not zero at all.

    An oracle that does not have the knob that is swept is the same at all its values. Exact
    oracles go before bounds.
    """
    cards = {row.method: card_of(findings, row.task, row.method) for row in rows}
    names = [name for name, card in cards.items() if card.role == "oracle"]
    for name in sorted(names, key=lambda name: (cards[name].oracle != "exact", name)):
        own = [row for row in rows if row.method == name]
        at = {value_of(r, over, None): r.metrics[metric.name].estimate for r in own}
        base = {value: at.get(value, at.get(None, 0.0)) for value in values}
        if all(cost > 0 for cost in base.values()):
            return name, base
    return "", {}


def _over_knob(rows: Sequence[SummaryRow], over: str) -> list[SummaryRow]:
    """Keep the methods that have the knob, each with its other knobs as first recorded."""
    first: dict[str, dict[str, Scalar]] = {}
    kept = []
    for row in rows:
        others = {name: value for name, value in row.point.items() if name != over}
        if over in row.point and first.setdefault(row.method, others) == others:
            kept.append(row)
    return kept


def _recorded(rows: Sequence[SummaryRow], name: str) -> set[Scalar]:
    return {value_of(row, name) for row in rows if name in row.conditions or name in row.point}


def _has_line(findings: Findings, task: str, over: str) -> bool:
    """Tell whether some method has two values left once everything else is at its default."""
    try:
        return any(len(curve.values) > 1 for curve in layout(findings, task, over).curves)
    except SelectionError:
        return False


def value_of(row: SummaryRow, name: str, missing: Any = "") -> Any:
    """Return at which value of a condition or knob a row was recorded."""
    return row.conditions.get(name, row.point.get(name, missing))


def curves(findings: Findings, task: str, over: str, metric: str | None = None) -> "Figure":
    """Draw the curves of a task over one condition or knob.

    Raises:
        SelectionError: see `layout`.
    """
    shown = layout(findings, task, over, metric)
    looks = strokes(findings, task)
    heights = [e.estimate for curve in shown.curves for e in curve.estimates]
    with drawing():
        figure, axes = canvas()
        headings(axes, *_title(task, shown), shown.held)
        axes.set_xlabel(over.replace("_", " "))
        axes.set_ylabel(_axis(findings, shown))
        unit = "" if shown.relative_to else shown.metric.unit
        scale_axis(axes, "y", unit, heights or [0.0], beyond=10)
        places = place_values(axes, shown)
        lines = {c.method: _draw(axes, shown, c, places, looks[c.method]) for c in shown.curves}
        if shown.relative_to:
            axes.axhline(1.0, color=SLATE, linewidth=1.2, linestyle=(0, (1, 1.6)))
        axes.margins(0.05)
        write_names(axes, line_names(findings, task, lines), NAME_PT)
    return figure


def _axis(findings: Findings, shown: Curves) -> str:
    label = shown_points.energy_label(findings, shown.metric.name)
    if shown.relative_to:
        words = axis_label(replace(shown.metric, unit=""), label)
        return f"{words}, times that of {shown.relative_to}"
    return axis_label(shown.metric, label)


def _title(task: str, shown: Curves) -> tuple[str, str]:
    better = f"{shown.metric.better} is better"
    if shown.relative_to:
        better += f"; 1 is the oracle, {shown.relative_to}"
    marks = "bands" if shown.has_order else "bars"
    name = shown.metric.name.replace("_", " ")
    return (
        f"{task}: {name} over {shown.over.replace('_', ' ')}",
        f"{better}; {marks} are 95 % intervals",
    )


def place_values(axes: "Axes", shown: Curves) -> dict[Scalar, float]:
    """Tick the axis of swept values and return where each lies; words and switches one apart."""
    values = shown.values
    if not shown.is_even:
        numbers = [float(value) for value in values]
        scale_axis(axes, "x", "", numbers, beyond=DECADES)
        return dict(zip(values, numbers, strict=True))
    words = [f"{value:g}" if shown.has_order else str(value) for value in values]
    axes.set_xticks(range(len(values)), words)
    return {value: float(place) for place, value in enumerate(values)}


def _draw(
    axes: "Axes", shown: Curves, curve: Curve, places: Mapping[Scalar, float], look: Stroke
) -> tuple[tuple[float, float], ...]:
    shift = 0.0 if shown.has_order else _shift(shown, curve)
    xs = [places[value] + shift for value in curve.values]
    ys = [e.estimate for e in curve.estimates]
    line = look.dash if shown.has_order else "none"
    axes.plot(
        xs,
        ys,
        marker=look.mark,
        linestyle=line,
        color=look.colour,
        markersize=5,
        lw=look.width,
        mew=0,
    )
    ends = [(x, e.low, e.high) for x, e in zip(xs, curve.estimates, strict=True)]
    known = [(x, low, high) for x, low, high in ends if low is not None and high is not None]
    if known and shown.has_order:
        x, low, high = (list(column) for column in zip(*known, strict=True))
        axes.fill_between(x, low, high, color=look.colour, alpha=0.16, linewidth=0)
    elif known:
        axes.vlines(*zip(*known, strict=True), color=look.colour, linewidth=1.0, alpha=0.7)
    return tuple(zip(xs, ys, strict=True))


def line_names(
    findings: Findings, task: str, lines: Mapping[str, tuple[tuple[float, float], ...]]
) -> list[LineName]:
    """Return the names that curves have written beside them."""
    looks = strokes(findings, task)
    names = highlights.names(findings, task, list(lines))
    return [LineName(short(name), lines[name], looks[name]) for name in names]


def _shift(shown: Curves, curve: Curve) -> float:
    """Return how far aside a method's points stand, so that they do not hide each other."""
    return 0.6 * ((shown.curves.index(curve) + 0.5) / len(shown.curves) - 0.5)


def describe(findings: Findings, task: str, over: str) -> str:
    """Return in words what the curves show, for readers who do not see them."""
    shown = layout(findings, task, over)
    unit = "" if shown.relative_to else shown.metric.unit
    ends = [
        f"{c.method} from {quantity(c.estimates[0].estimate, unit)}"
        f" to {quantity(c.estimates[-1].estimate, unit)}"
        for c in shown.curves
    ]
    first, last = shown.values[0], shown.values[-1]
    return (
        f"In {task}, {_axis(findings, shown)} as {over} goes from {first} to {last}: "
        f"{'; '.join(ends)}.{f' Held at {shown.held}.' if shown.held else ''}"
    )

"""Draws the history of a method as a picture and as tables.

The picture has one panel a metric, runs in order of time, a line a machine. Whiskers are the 95 % intervals of a run against the one before;
a dashed upright is a step. Only the operating point nearest to the method's default is drawn; all others stand in tables.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adabench.harness.history.archive import ArchivedRun
from adabench.harness.history.series import LevelChange, Link, Point, Series
from adabench.reports.figures.style import COLOURS, MARKS, SLATE, axis_label, drawing, scale_axis
from adabench.reports.number_format import interval, quantity
from adabench.reports.shown_points import metric_named
from adabench.reports.tables.cells import Cell, Column, Sheet, text_columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Runs = Mapping[str, ArchivedRun]
PANEL_IN = 1.7
COMMIT = 8
"""Characters of a commit that tell it from another."""
ALWAYS = ("latency_s", "energy_j")


def moment(run: ArchivedRun) -> str:
    """Return when a run started, to the minute."""
    return run.started[:16].replace("T", " ")


def commit(run: ArchivedRun) -> str:
    """Return the commit a run was made at, with a plus if files were changed."""
    environment: Mapping[str, Any] = run.manifest.get("environment") or {}
    told = str(environment.get("git_commit") or "")[:COMMIT]
    return f"{told}{'+' if environment.get('git_dirty') else ''}" if told else "–"


def setting(series: Series) -> str:
    """Name an operating point."""
    parts = {**series.point, **series.conditions}
    scale = [] if series.scale == "embedded" else [f"scale {series.scale}"]
    return ", ".join([*(f"{name}={value}" for name, value in parts.items()), *scale]) or "–"


def size(change: LevelChange) -> str:
    """Return a step in words: `×1.10 [1.08, 1.12]`, or a difference."""
    if change.ratio:
        return f"×{change.estimate:.3g} {interval(change.low, change.high, change.estimate)}"
    return f"{change.estimate:+.3g} {interval(change.low, change.high, change.estimate)}"


def series_to_draw(own: Sequence[Series], runs: Runs) -> list[Series]:
    """Return the series of the default operating point that a picture has room for."""
    if not own:
        return []
    latest = max(point.run for series in own for point in series.points)
    wanted = defaults(runs[latest], own[0].task, own[0].method)
    near = min(own, key=lambda series: (_away(series, wanted), -len(series.points)))
    place = (near.point, near.conditions, near.scale)
    here = [series for series in own if (series.point, series.conditions, series.scale) == place]
    card = runs[latest].cards[own[0].task]
    spans = {metric.name for metric in card.metrics if metric.primary} | set(ALWAYS)
    return [s for s in here if s.metric in spans or s.changes]


def defaults(run: ArchivedRun, task: str, method: str) -> dict[str, Any]:
    """Return the default knobs and conditions as a run knew them."""
    kept = run.manifest["kept"]
    known = kept["methods"].get(f"{task}/{method}", {}), kept["cards"].get(task, {})
    return {name: value for item in known for name, value in item.get("defaults", {}).items()}


def _away(series: Series, wanted: Mapping[str, Any]) -> int:
    here = {**series.point, **series.conditions}
    return sum(wanted.get(name, value) != value for name, value in here.items())


def picture(own: Sequence[Series], runs: Runs) -> "Figure":
    """Draw series of one operating point, a panel a metric."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    metrics = list(dict.fromkeys(series.metric for series in own))
    names = sorted({point.run for series in own for point in series.points})
    height = PANEL_IN * len(metrics) + 0.9
    with drawing():
        figure = Figure(figsize=(8.0, height))
        FigureCanvasAgg(figure)
        for i, metric in enumerate(metrics):
            bottom = (0.75 + PANEL_IN * (len(metrics) - 1 - i)) / height
            axes = figure.add_axes((0.13, bottom, 0.83, (PANEL_IN - 0.55) / height))
            panel = [series for series in own if series.metric == metric]
            _panel(axes, panel, names, runs)
            axes.tick_params(labelbottom=i == len(metrics) - 1)
    return figure


def _panel(axes: "Axes", panel: Sequence[Series], names: Sequence[str], runs: Runs) -> None:
    first = panel[0]
    metric = metric_named(runs[names[-1]].cards[first.task], first.metric)
    axes.set_title(axis_label(metric, first.label), loc="left", fontsize=9)
    levels = [point.level for s in panel for point in s.points if point.level is not None]
    for series in panel:
        _line(axes, series, names)
    if levels:
        scale_axis(axes, "y", first.unit, levels, beyond=1000)
    else:
        axes.text(0.5, 0.5, "no two runs could be compared; the tables say why", ha="center",
                  va="center", transform=axes.transAxes, color=SLATE, fontsize=8)  # fmt: skip
        axes.set_yticks([])
    axes.set_xlim(-0.5, len(names) - 0.5)
    every = math.ceil(len(names) / 10)
    shown = range(0, len(names), every)
    axes.set_xticks(list(shown), [f"{moment(runs[names[i]])[5:10]}\n{commit(runs[names[i]])}"
                                  for i in shown], fontsize=7)  # fmt: skip


def _line(axes: "Axes", series: Series, names: Sequence[str]) -> None:
    colour = COLOURS[series.hardware % len(COLOURS)]
    mark = MARKS[series.hardware % len(MARKS)]
    spots = [(names.index(p.run), p) for p in series.points]
    ys = [math.nan if p.level is None else p.level for _, p in spots]
    axes.plot([x for x, _ in spots], ys, marker=mark, color=colour, markersize=4, linewidth=1.2)
    for x, point in spots:
        ends = _whisker(point)
        if ends:
            axes.plot([x, x], ends, color=colour, linewidth=1.0, alpha=0.6)
    for change in series.changes:
        at = names.index(change.after) - 0.5
        axes.axvline(at, color=SLATE, linewidth=1.0, linestyle=(0, (4, 2)))
        axes.annotate(
            size(change).partition(" ")[0], (at, 1), (2, -8), xycoords=("data", "axes fraction"),
            textcoords="offset points", fontsize=7.5, color=SLATE,
        )  # fmt: skip


def _whisker(point: Point) -> tuple[float, float] | None:
    """Return where the level may lie by the pairs with the run before."""
    link, level = point.link, point.level
    if link is None or level is None or link.change is None:
        return None
    if link.low is None or link.high is None:
        return None
    low, high = link.low - link.change, link.high - link.change
    if link.kind == "quality":
        return level + low, level + high
    return level * math.exp(low), level * math.exp(high)


@dataclass(frozen=True)
class Shift:
    """A step of one metric at the same moment, at however many operating points."""

    series: Series
    """That of the median step."""
    change: LevelChange
    points: int
    out_of: int
    """Histories of that metric of the method on that machine."""

    @property
    def where(self) -> str:
        """At which operating points it is."""
        if self.out_of == 1 or self.points == 1:
            return setting(self.series)
        return f"{self.points} of {self.out_of} operating points"


def shifts(every: Sequence[Series]) -> list[Shift]:
    """Gather the steps of operating points that moved together, the latest first."""
    together: dict[tuple[str, ...], list[tuple[Series, LevelChange]]] = {}
    for series in every:
        for change in series.changes:
            key = (change.after, change.before, *_kind(series), "+" if change.better else "-")
            together.setdefault(key, []).append((series, change))
    counted = Counter(map(_kind, every))
    found = []
    for key in sorted(together, reverse=True):
        own = sorted(together[key], key=lambda pair: pair[1].estimate)
        series, change = own[len(own) // 2]
        found.append(Shift(series, change, len(own), counted[_kind(series)]))
    return found


def _kind(series: Series) -> tuple[str, ...]:
    return series.task, series.method, series.metric, str(series.hardware)


def steps_sheet(found: Sequence[Shift], runs: Runs) -> Sheet:
    """Return steps as a table."""
    columns = (
        *text_columns("method", "metric"),
        Column("step", "new level over old, 95 %"),
        Column("from", "run · commit", right=False),
        Column("to", "run · commit", right=False),
        Column("at", right=False, wraps=True),
    )
    note = "Of several operating points the median step is shown, with its own interval."
    body = tuple(_step_row(shift, runs) for shift in found)
    return Sheet("Steps", columns, body, note if any(s.points > 1 for s in found) else "")


def _step_row(shift: Shift, runs: Runs) -> tuple[Cell, ...]:
    series, change = shift.series, shift.change
    word, tone = ("better", "good") if change.better else ("worse", "bad")
    step: Any = tone
    return (
        Cell(f"{series.task}/{series.method}", tone="strong"),
        Cell(series.metric, series.label),
        Cell(size(change), word, step),
        *(Cell(moment(runs[name]), commit(runs[name])) for name in (change.before, change.after)),
        Cell(shift.where),
    )


def series_sheet(series: Series, runs: Runs) -> Sheet:
    """Return a history as a table, the latest run first."""
    columns = (
        Column("run", "commit", right=False),
        Column(series.metric, series.label or series.unit),
        Column("against the run before", "95 % interval"),
        Column("n"),
        Column("remark", right=False, wraps=True),
    )
    marks = {change.after: change for change in series.changes}
    body = tuple(
        _row(series, point, runs[point.run], marks.get(point.run))
        for point in reversed(series.points)
    )
    return Sheet(f"{series.metric} on machine {series.hardware + 1}", columns, body)


def _row(
    series: Series, point: Point, run: ArchivedRun, change: LevelChange | None
) -> tuple[Cell, ...]:
    remark = point.link.broken if point.link else ""
    tone: Any = "mute"
    if change:
        remark, tone = f"step: {size(change)}", "good" if change.better else "bad"
    elif series.hint == point.run:
        remark, tone = "may be a step; the next run will tell", "open"
    count = point.link.n if point.link else 0
    return (
        Cell(moment(run), commit(run), "strong"),
        Cell(quantity(point.level, series.unit), value=point.level),
        _against(point.link),
        Cell(f"{count:,}" if count else "–", value=count or None),
        Cell(remark, tone=tone),
    )


def _against(link: Link | None) -> Cell:
    if link is None or link.change is None:
        return Cell("–", tone="mute")
    if link.change == 0 and link.low == link.high == 0:
        return Cell("equal on every pair")
    summed = link.kind == "quality"
    ends = [None if x is None else (x if summed else math.exp(x)) for x in (link.low, link.high)]
    value = link.change if summed else math.exp(link.change)
    text = f"{value:+.3g}" if summed else f"×{value:.4g}"
    return Cell(text, interval(ends[0], ends[1], value, digits=4), value=value)

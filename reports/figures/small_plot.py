"""Draws the Pareto frontier of a task, small: an SVG without a script, in the colours of the page's style.

The best adaptive method, the oracle, the best static method and the random control have a colour; all others are grey. Eight names at most
stand beside their lines.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from itertools import pairwise

from adabench.harness.analysis.findings import Findings
from adabench.harness.contract.card import Metric
from adabench.reports import highlights, shown_points
from adabench.reports.figures import label_places, pareto
from adabench.reports.figures.label_places import RINGS
from adabench.reports.figures.pareto import QualityCost, Spot
from adabench.reports.figures.style import axis_label, tick

WIDE, HIGH = 380.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 22.0, 36.0
LETTER = 11.5
LOG_FROM = 20.0
PAD = 0.09
"""Room beyond the outermost points, as a share of their distance."""
GAP = 6.0
"""Between a point and its name."""
ANCHORS, STEP = 12, 7.0
LONGEST = 34
"""Letters of a name; longer ones are no names that we give."""
COLOURED = {"adaptive": "best", "oracle": "oracle", "static": "static", "control": "control"}
MIXTURE = "static mixture"


@dataclass(frozen=True)
class Axis:
    """One axis: what it shows, where it begins and ends, on the figure too."""

    metric: Metric
    low: float
    high: float
    start: float
    end: float
    log: bool
    label: str = ""
    """Of an energy."""
    only: float | None = None
    """The one value of all points, where they have but one."""

    def at(self, value: float) -> float:
        """Return where a value lies on the figure."""
        low, high, here = self.low, self.high, value
        if self.log:
            low, high, here = math.log(low), math.log(high), math.log(value)
        return self.start + (self.end - self.start) * (here - low) / (high - low)


@dataclass(frozen=True)
class Line:
    """A method's frontier on the figure, and its other points."""

    name: str
    kind: str
    """A class of the page's style."""
    best: tuple[label_places.Spot, ...]
    rest: tuple[label_places.Spot, ...]


def small_plot(findings: Findings, task: str) -> str:
    """Return the frontier of a task as an `<svg>`; nothing where it has none."""
    if not pareto.has_plot(findings, task):
        return ""
    shown = pareto.layout(findings, task)
    spots = [spot for spot in shown.spots if math.isfinite(spot.x) and math.isfinite(spot.y)]
    if not spots:
        return ""
    label = partial(shown_points.energy_label, findings)
    x = _axis(shown.cost, label(shown.cost.name), [spot.x for spot in spots], LEFT, WIDE - RIGHT)
    y = _axis(
        shown.quality,
        label(shown.quality.name),
        [spot.y for spot in spots],
        HIGH - BOTTOM,
        TOP + LETTER,
    )
    lines = _lines(findings, task, QualityCost(shown.cost, shown.quality, tuple(spots), ""), x, y)
    mixture = _mixture(findings, task, spots, shown, x, y)
    drawn = [_path(line) for line in reversed(lines)]
    dashed = f'<path class="mixture" d="{_points(mixture)}"/>' if mixture else ""
    names = _names(findings, task, lines, mixture)
    return (
        f'<svg class="small" role="img" viewBox="0 0 {WIDE:.0f} {HIGH:.0f}" '
        f'aria-label="{escape(words(findings, task)[:600])}">'
        f"{_frame(x, y)}{dashed}{''.join(drawn)}{names}</svg>"
    )


def words(findings: Findings, task: str) -> str:
    """Return what the figure shows, for readers who do not see it."""
    return pareto.describe(findings, task)


def _axis(metric: Metric, label: str, values: Sequence[float], start: float, end: float) -> Axis:
    low, high = min(values), max(values)
    if low > 0 and high / low > LOG_FROM:
        pad = (high / low) ** PAD
        return Axis(metric, low / pad, high * pad, start, end, True, label)
    pad = (high - low) * PAD or abs(high) * 0.1 or 1.0
    only = low if low == high else None
    return Axis(metric, low - pad, high + pad, start, end, False, label, only)


def _lines(findings: Findings, task: str, shown: QualityCost, x: Axis, y: Axis) -> list[Line]:
    """Return the lines, those that are named first."""
    drawn = list(dict.fromkeys(spot.method for spot in shown.spots))
    order = highlights.names(findings, task, drawn, len(drawn))
    coloured: set[str] = set()
    found = []
    for name in order:
        role = shown_points.card_of(findings, task, name).role
        kind = "other" if role in coloured else COLOURED[role]
        coloured.add(role)
        own = shown.of(name)
        best = pareto.front(own, shown.cost, shown.quality)
        rest = [spot for spot in own if spot not in best]
        found.append(Line(name, kind, _on(best, x, y), _on(rest, x, y)))
    return found


def _on(spots: Sequence[Spot], x: Axis, y: Axis) -> tuple[label_places.Spot, ...]:
    return tuple((x.at(spot.x), y.at(spot.y)) for spot in spots)


def _mixture(
    findings: Findings, task: str, spots: Sequence[Spot], shown: QualityCost, x: Axis, y: Axis
) -> list[label_places.Spot]:
    """Return what mixing static settings reaches; a straight line is a curve on a log axis."""
    static = [s for s in spots if shown_points.card_of(findings, task, s.method).role == "static"]
    corners = pareto.hull(static, shown.cost, shown.quality)
    found = []
    for a, b in pairwise(corners):
        shares = [step / 12 for step in range(13)]
        found += [(x.at(a.x + (b.x - a.x) * s), y.at(a.y + (b.y - a.y) * s)) for s in shares]
    return found


def _path(line: Line) -> str:
    faint = "".join(_dot(x, y) for x, y in line.rest)
    dots = "".join(_dot(x, y) for x, y in line.best)
    stroke = f'<path d="{_points(line.best)}"/>' if len(line.best) > 1 else ""
    rest = f'<g class="faint">{faint}</g>' if faint else ""
    return f'<g class="{line.kind}">{stroke}{rest}{dots}</g>'


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>'


def _points(spots: Sequence[label_places.Spot]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)


def _names(
    findings: Findings, task: str, lines: Sequence[Line], mixture: Sequence[label_places.Spot]
) -> str:
    """Write the names beside their lines; those without room in a row under the title."""
    named = [*lines[: highlights.MOST - bool(mixture)]]
    texts = [line.name[:LONGEST] for line in named]
    paths = [_along(line.best) for line in named]
    kinds = [line.kind for line in named]
    if mixture:
        texts.insert(4, MIXTURE)
        paths.insert(4, _along(mixture))
        kinds.insert(4, "mixed")
    sizes = [
        label_places.Name(
            label_places.width_of(text, LETTER),
            LETTER,
            label_places.anchors(path, ANCHORS),
            path,
            1 if kind == "other" else len(RINGS),
            kind in ("other", "mixed"),  # the key below the figures has the mixture too
        )
        for text, path, kind in zip(texts, paths, kinds, strict=True)
    ]
    covered = [spot for line in lines for spot in (*_along(line.best), *line.rest)]
    covered += [spot for line in lines for spot in line.best]  # marks weigh more than lines
    covered += _along(mixture)
    frame = (LEFT + 2, TOP + 1, WIDE - 2, HIGH - BOTTOM - 1)
    placed = label_places.places(sizes, covered, frame, GAP)
    return "".join(
        f'<text class="name {kind}" x="{(box[0] + box[2]) / 2:.1f}" y="{box[3] - 2:.1f}">'
        f"{escape(text)}</text>"
        for text, kind, box in zip(texts, kinds, placed, strict=True)
        if box
    )


def _along(line: Sequence[label_places.Spot]) -> tuple[label_places.Spot, ...]:
    return tuple(label_places.along(line, STEP))


def _frame(x: Axis, y: Axis) -> str:
    parts = [f'<path class="axis" d="M{LEFT} {TOP}V{HIGH - BOTTOM}H{WIDE - RIGHT}"/>']
    for value in ticks(y, 4):
        at = y.at(value)
        parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDE - RIGHT}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">'
            f"{_tick(y, value)}</text>"
        )
    parts += _across(x)
    parts.append(f'<text class="axis-name" x="2" y="12">{_title(y)}</text>')
    parts.append(
        f'<text class="axis-name" x="{WIDE - RIGHT}" y="{HIGH - 4:.1f}" text-anchor="end">'
        f"{_title(x)}</text>"
    )
    return "".join(parts)


def _across(x: Axis) -> list[str]:
    """Return the ticks of the lower axis; one that would touch its neighbour is left out."""
    parts, last = [], -math.inf
    for value in ticks(x, 5):
        text = _tick(x, value)
        half = label_places.width_of(text, LETTER) / 2
        at = min(x.at(value), WIDE - 2 - half)
        if at - half < last + 6:
            continue
        last = at + half
        parts.append(
            f'<text class="tick" x="{at:.1f}" y="{HIGH - BOTTOM + 14:.1f}" text-anchor="middle">'
            f"{text}</text>"
        )
    return parts


def _title(axis: Axis) -> str:
    """Return what an axis shows, its unit and the label of an energy, and which way is better."""
    arrow = "↑" if axis.metric.better == "higher" else "↓"
    return escape(f"{axis_label(axis.metric, axis.label)[:48]} {arrow}")


def _tick(axis: Axis, value: float) -> str:
    """Return a tick; joules have their unit and label in the title."""
    return escape(tick(value, "" if axis.label else axis.metric.unit))


def ticks(axis: Axis, most: int) -> list[float]:
    """Return round values of an axis, at most about `most`; of a single value that alone."""
    low, high = axis.low, axis.high
    if axis.only is not None:
        return [axis.only]
    if axis.log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digits in ((1, 2, 5), (1, 3), (1,)):
            found = [d * 10.0**e for e in decades for d in digits if low <= d * 10.0**e <= high]
            if len(found) <= most + 1:
                return found
        return found[:: math.ceil(len(found) / most)]
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(s * size for s in (1, 2, 2.5, 5, 10) if s * size >= rough)
    first = math.ceil(low / step)
    return [round(k * step, 12) for k in range(first, math.floor(high / step) + 1)]

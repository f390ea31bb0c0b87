"""Draws the quality-cost plot of a task with characters: who is on the frontier, seen over ssh.

A letter stands where an operating point of a method's own frontier is; dotted lines (braille) are frontiers, the dense one is the static
mixture. Where two letters fall on one character, the better method's is seen, and the legend shows the hidden ones as `(a)`. Without UTF-8
the lines are left out and the letters stay; without a terminal there is no colour.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from string import ascii_letters, digits
from typing import Any

from adabench.harness.analysis.findings import Findings
from adabench.reports import shown_points
from adabench.reports.figures import pareto
from adabench.reports.figures.pareto import QualityCost, Spot
from adabench.reports.figures.style import axis_label
from adabench.reports.number_format import quantity
from adabench.reports.shown_points import card_of, gap_of, gap_order, methods

LETTERS = ascii_letters + digits
LEAST, WIDEST, TALLEST = 40, 100, 24
SIDE = 96
"""From this width on the legend stands beside the plot."""
LEGEND = 45
NAME = 20
"""Columns that a name gets, at most."""
LOG_FROM = 20
COLOURS = (33, 202, 35, 175, 214, 75)
"""Okabe and Ito's, as near as the terminal's 256 come; blue first."""
GREYS = {"static": 245, "control": 240, "oracle": 255}
BLANK, WAVES = "\u2800", 24


@dataclass(frozen=True)
class Looks:
    """What the terminal can show."""

    width: int
    colour: bool = False
    unicode: bool = True


@dataclass(frozen=True)
class Axis:
    """From a quantity to the canvas."""

    low: float
    high: float
    log: bool
    unit: str

    @classmethod
    def of(cls, values: Sequence[float], unit: str) -> "Axis":
        """Return an axis that holds all values, logarithmic if they span more than `LOG_FROM`."""
        low, high = min(values), max(values)
        log = low > 0 and high / low > LOG_FROM
        if low == high:
            low, high = low - (abs(low) or 1) * 0.05, high + (abs(high) or 1) * 0.05
        pad = 0.04 * ((math.log(high / low)) if log else high - low)
        if log:
            return cls(low * math.exp(-pad), high * math.exp(pad), log, unit)
        return cls(low - pad, high + pad, log, unit)

    def at(self, value: float) -> float:
        """Return where a value lies, from 0 to 1."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def label(self, share: float) -> str:
        """Return the value at a place from 0 to 1."""
        value = self.low + (self.high - self.low) * share
        if self.log:
            value = self.low * (self.high / self.low) ** share
        return quantity(value, self.unit or "count", digits=3)


def fronts(findings: Findings, looks: Looks) -> str:
    """Return the quality-cost plots of all tasks that have one."""
    names = [task for task in shown_points.tasks(findings) if pareto.has_plot(findings, task)]
    if not names:
        return "No plot: no task recorded both quality and work.\n"
    return "\n".join(front(findings, task, looks) for task in names)


def plot_of(findings: Findings, task: str, looks: Looks, rows: int) -> str:
    """Return the plot of one task in so many rows, with who owns a point of the common frontier below it."""
    shown = pareto.layout(findings, task)
    letters, lines, _ = _letters_and_plot(findings, task, shown, looks, looks.width, rows)
    winners = [name for name in pareto.on_front(findings, shown, task) if name in letters]
    names = ", ".join(f"{letters[name]} {name}" for name in dict.fromkeys(winners))
    x, y = _axes(shown)
    (head, _) = (_clean(text, looks) for text in _heads(findings, task, shown, x, y))
    words = textwrap.wrap(_clean(f"on the frontier: {names}", looks), looks.width)
    return "\n".join([head, *lines, *words])


def front(findings: Findings, task: str, looks: Looks) -> str:
    """Return the plot of one task."""
    shown = pareto.layout(findings, task)
    beside = looks.width >= SIDE
    width = min(max(looks.width, LEAST), WIDEST + LEGEND) - (LEGEND if beside else 0)
    rows = min(TALLEST, max(10, width // 3))
    letters, lines, hidden = _letters_and_plot(findings, task, shown, looks, width, rows)
    x, y = _axes(shown)
    legend = _legend(findings, task, shown, letters, hidden, looks)
    heads = [_clean(head, looks) for head in _heads(findings, task, shown, x, y)]
    if beside:
        return "\n".join([*heads, *_beside(lines, legend, width), ""])
    return "\n".join([*heads, *lines, "", *legend, ""])


def _axes(shown: QualityCost) -> tuple[Axis, Axis]:
    x = Axis.of([spot.x for spot in shown.spots], shown.cost.unit)
    return x, Axis.of([spot.y for spot in shown.spots], shown.quality.unit)


def _letters_and_plot(
    findings: Findings, task: str, shown: QualityCost, looks: Looks, width: int, rows: int
) -> tuple[dict[str, str], list[str], set[str]]:
    """Return the letters of methods, the plot in its frame, and whose letters are hidden."""
    names = [name for name in methods(findings, task) if shown.of(name)]
    letters = {name: LETTERS[i % len(LETTERS)] for i, name in enumerate(names)}
    x, y = _axes(shown)
    margin = max(len(y.label(share)) for share in (0.0, 0.5, 1.0)) + 1
    size = (width - margin - 1, rows)
    plot, hidden = _plot(findings, task, shown, letters, (x, y), size, looks)
    return letters, _framed(plot, x, y, margin, looks), hidden


def _heads(findings: Findings, task: str, shown: QualityCost, x: Axis, y: Axis) -> list[str]:
    cost, quality = (
        axis_label(m, shown_points.energy_label(findings, m.name))
        for m in (shown.cost, shown.quality)
    )
    across = "left" if shown.cost.better == "lower" else "right"
    up = "up" if shown.quality.better == "higher" else "down"
    logs = [name for name, axis in ((cost, x), (quality, y)) if axis.log]
    note = f"; logarithmic: {', '.join(logs)}" if logs else ""
    return [f"{task}: {quality} against {cost}", f"better is {up} and to the {across}{note}"]


def _plot(
    findings: Findings, task: str, shown: QualityCost, letters: dict[str, str], axes: tuple[Axis, Axis],
    size: tuple[int, int], looks: Looks,
) -> tuple[list[str], set[str]]:  # fmt: skip
    """Return the rows of the canvas, and the methods none of whose letters is seen."""
    from plotille import Canvas

    canvas = Canvas(*size, mode="byte")
    static = [s for s in shown.spots if card_of(findings, task, s.method).role == "static"]
    if looks.unicode:
        for name in letters:
            _line(canvas, _own(shown, name), axes, _colour(findings, task, name, looks), False)
        _line(canvas, pareto.hull(static, shown.cost, shown.quality), axes, None, True)
    # Drawn from the worst to the best, so that the best is seen where letters meet.
    order = sorted(letters, key=lambda name: _merit(findings, task, name))
    where: dict[tuple[int, int], str] = {}
    for name in order:
        colour = _colour(findings, task, name, looks)
        for spot in _own(shown, name):
            u, v = _inside(spot, axes)
            canvas.text(u, v, letters[name], color=colour)
            where[int(u * size[0]), int(v * size[1])] = name
    rows = canvas.plot(linesep="\n").replace(BLANK, " ").split("\n")
    return rows, set(letters) - set(where.values())


def _own(shown: QualityCost, name: str) -> list[Spot]:
    return pareto.front(shown.of(name), shown.cost, shown.quality)


def _merit(findings: Findings, task: str, name: str) -> tuple[bool, int, float]:
    group, size, _ = gap_order(gap_of(findings, task, name))
    return card_of(findings, task, name).role == "adaptive", -group, -size


def _colour(findings: Findings, task: str, name: str, looks: Looks) -> int | None:
    if not looks.colour:
        return None
    role = card_of(findings, task, name).role
    if role != "adaptive":
        return GREYS[role]
    own = [n for n in methods(findings, task) if card_of(findings, task, n).role == "adaptive"]
    return COLOURS[own.index(name) % len(COLOURS)]


def _line(
    canvas: Any, spots: Sequence[Spot], axes: tuple[Axis, Axis], colour: int | None, dense: bool
) -> None:
    """Draw straight pieces between points; they are curves on a logarithmic axis."""
    steps = 4 * WAVES if dense else WAVES
    for a, b in pairwise(spots):
        for step in range(steps + 1):
            share = step / steps
            spot = Spot("", a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share)
            canvas.point(*_inside(spot, axes), color=colour)


def _inside(spot: Spot, axes: tuple[Axis, Axis]) -> tuple[float, float]:
    return axes[0].at(spot.x), axes[1].at(spot.y)


def _framed(plot: list[str], x: Axis, y: Axis, margin: int, looks: Looks) -> list[str]:
    """Put axes with three figures each around the canvas."""
    bar, corner, dash = "│└─" if looks.unicode else "|+-"
    marks = {0: 1.0, (len(plot) - 1) // 2: 0.5, len(plot) - 1: 0.0}
    width = max(len(_plain(row)) for row in plot)
    lines = []
    for i, row in enumerate(plot):
        label = y.label(marks[i]) if i in marks else ""
        lines.append(f"{label:>{margin}}{bar}{row}".rstrip())
    lines.append(f"{'':>{margin}}{corner}{dash * width}")
    left, middle, right = (x.label(share) for share in (0.0, 0.5, 1.0))
    figures = f"{left}{middle:^{max(width - len(left) - len(right), 1)}}{right}"
    return [*lines, f"{'':>{margin}} {figures}"]


def _legend(
    findings: Findings, task: str, shown: QualityCost, letters: dict[str, str], hidden: set[str],
    looks: Looks,
) -> list[str]:  # fmt: skip
    winners = set(pareto.on_front(findings, shown, task))
    lines = []
    for name, letter in letters.items():
        row = gap_of(findings, task, name)
        closed = f"gap {row.gap_closed:.2f}" if row and row.gap_closed is not None else ""
        mark = "*" if name in winners else " "
        told = f"({letter})" if name in hidden else f" {letter} "
        role = card_of(findings, task, name).role
        text = f"{told}{mark}{_short(name, looks):<{_room(looks)}} {role:<8} {closed}"
        lines.append(_coloured(text.rstrip(), _colour(findings, task, name, looks)))
    dots = "  dense dots: static mixture" if looks.unicode else ""
    return [*lines, " * on the Pareto frontier", *([dots] if dots else [])]


def _short(name: str, looks: Looks) -> str:
    room, cut = _room(looks), "…" if looks.unicode else "~"
    text = name if len(name) <= room else name[: room - 1] + cut
    return _clean(text, looks)


def _room(looks: Looks) -> int:
    """Return how many columns a name gets; letter, role and gap take the rest."""
    return min(NAME, max(looks.width - 24, 8))


def _clean(text: str, looks: Looks) -> str:
    """Return text that moves no cursor and turns no direction of writing."""
    seen = "".join(character if character.isprintable() else "?" for character in text)
    return seen if looks.unicode else seen.encode("ascii", "replace").decode()


def _coloured(text: str, colour: int | None) -> str:
    return text if colour is None else f"\x1b[38;5;{colour}m{text}\x1b[0m"


def _plain(text: str) -> str:
    """Return a text without its colours."""
    import re

    return re.sub(r"\x1b\[[\d;]*m", "", text)


def _beside(lines: Sequence[str], legend: Sequence[str], width: int) -> list[str]:
    """Put the legend to the right of the plot."""
    height = max(len(lines), len(legend))
    rows = [*lines, *[""] * (height - len(lines))]
    texts = [*legend, *[""] * (height - len(legend))]
    return [
        f"{row}{' ' * max(width - len(_plain(row)), 0)} {text}".rstrip()
        for row, text in zip(rows, texts, strict=True)
    ]

"""Writes names into a figure of matplotlib, each beside its own line and in its colour.

`label_places.py` decides where, in points of the drawn figure. A line whose name finds no room is grey, like all that have no name.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from adabench.reports.figures import label_places
from adabench.reports.figures.style import GREY, LineName

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

ANCHORS = 12
CERTAIN = 5
"""So many names, the most important, are written even where they cover something."""
GAP_PT = 4.0
STEP_PT = 6.0
LINE = 1.25
"""Height of a line of letters, as a multiple of their size."""


def write_names(axes: "Axes", names: Sequence[LineName], size_pt: float) -> "list[Text]":
    """Write names, the most important first; return their texts."""
    for limits in (axes.get_xlim, axes.get_ylim):
        limits()  # applies a pending autoscale; transData is stale before
    figure = axes.get_figure(root=True)
    if figure is None:
        return []
    dot = figure.dpi / 72
    texts = [_text(axes, name, size_pt) for name in names]
    lines = [tuple(label_places.along(_pixels(axes, name.line), STEP_PT * dot)) for name in names]
    sizes = [
        label_places.Name(
            _width(text), size_pt * LINE * dot, label_places.anchors(line, ANCHORS), line,
            optional=rank >= CERTAIN,
        )
        for rank, (text, line) in enumerate(zip(texts, lines, strict=True))
    ]  # fmt: skip
    held = [spot for line in lines for spot in line]
    box = axes.get_window_extent()
    edge = figure.bbox.x1 - 1.0
    frame = (box.x0 + 2.0, box.y0 + 2.0, max(box.x1, edge), box.y1)
    placed = label_places.places(sizes, [*_drawn(axes), *held], frame, GAP_PT * dot)
    to_axes = axes.transAxes.inverted()
    written = []
    for name, text, place in zip(names, texts, placed, strict=True):
        if place is None:
            text.remove()
            _fade(axes, name.stroke.colour)
            continue
        middle = ((place[0] + place[2]) / 2, (place[1] + place[3]) / 2)
        text.set_position(tuple(to_axes.transform(middle)))
        written.append(text)
    return written


def _fade(axes: "Axes", colour: str) -> None:
    """Draw grey what has a colour."""
    for line in axes.lines:
        if line.get_color() == colour:
            line.set(color=GREY, zorder=2.2)


def _text(axes: "Axes", name: LineName, size_pt: float) -> "Text":
    from matplotlib.patheffects import withStroke

    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size_pt, "zorder": 6}
    halo = [withStroke(linewidth=2.0, foreground="white")]
    return axes.text(
        0.5, 0.5, name.text, transform=axes.transAxes, color=name.stroke.colour,
        path_effects=halo, **style,
    )  # fmt: skip


def _width(text: "Text") -> float:
    return float(text.get_window_extent().width) + 2.0


def _pixels(axes: "Axes", line: Sequence[tuple[float, float]]) -> tuple[label_places.Spot, ...]:
    found = np.asarray(axes.transData.transform(np.asarray(line, float).reshape(-1, 2)))
    return tuple((float(x), float(y)) for x, y in found if np.isfinite([x, y]).all())


def _drawn(axes: "Axes") -> list[label_places.Spot]:
    """Return the marks of everything that was drawn."""
    found: list[label_places.Spot] = []
    for line in axes.lines:
        if line.get_transform() == axes.transData and line.get_marker() not in ("None", "", None):
            xs, ys = (np.asarray(part, float) for part in (line.get_xdata(), line.get_ydata()))
            found += _pixels(axes, list(zip(xs.tolist(), ys.tolist(), strict=True)))
    return found

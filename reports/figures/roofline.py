"""Draws a trace under its machine's roof: FLOPs per byte moved against FLOPs per second.

The roof is the copy bandwidth, and from the ridge on the rate of the matrix product. A circle is an operator, its area the share of time (taken
under the profiler, so small ones lie too low); the diamond is the whole block, untraced. A point above the slope got its bytes from a cache.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from adabench.harness.run.case_trace import CaseTrace, write_or_refuse
from adabench.profilers.compute.torch_trace import Roof, Trace
from adabench.reports.figures.style import COLOURS, INK, SLATE, drawing, save, short
from adabench.reports.number_format import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 8
"""Operators that get a circle, those of the most time."""
LARGEST_PT2 = 500.0


class Dot(NamedTuple):
    """One mark of the picture."""

    name: str
    intensity: float
    """FLOPs per byte."""
    flop_per_s: float
    share: float
    """Of the time of all operators."""


def dots(trace: Trace) -> list[Dot]:
    """Return the operators that have a place in the picture, the most time first."""
    total_s = sum(line.seconds(trace.place) for line in trace.lines)
    found = []
    for line in trace.lines:
        seconds = line.seconds(trace.place)
        if line.flops and line.moved_bytes and seconds > 0:
            intensity = line.flops / line.moved_bytes
            found.append(Dot(line.name, intensity, line.flops / seconds, seconds / total_s))
    return found[:MOST]


def whole(trace: Trace) -> Dot | None:
    """Return the block as one point, by its untraced time; None where nothing was counted."""
    if not trace.flops or not trace.moved_bytes:
        return None
    return Dot("all", trace.flops / trace.moved_bytes, trace.flops / trace.plain_s, 1.0)


def save_roofline(trace: Trace, roof: Roof, title: str, setting: str, folder: Path) -> list[Path]:
    """Write roofline.png and roofline.svg; nothing where no operator has a place."""
    block = whole(trace)
    if block is None:
        return []
    return save(_drawn(dots(trace), block, roof, title, setting), folder, "roofline")


def write_trace_files(trace: CaseTrace) -> CaseTrace:
    """Write the picture and the tables into the trace's folder; return the trace that names them.

    Raises:
        StoreError: if the folder cannot be written.
    """
    return write_or_refuse(trace.folder, lambda: _files(trace))


def _files(trace: CaseTrace) -> CaseTrace:
    pictures: list[Path] = []
    if trace.roof:
        words = trace.cell.address, trace.setting
        pictures = save_roofline(trace.trace, trace.roof, *words, trace.folder)
    table = trace.folder / "trace_table.json"
    complete = replace(trace, files=(*trace.files, *pictures, table))
    table.write_text(json.dumps(complete.to_json(), indent=1), encoding="utf-8")
    return complete


def rate(value: float | None, unit: str) -> str:
    """Write a rate as `167 GFLOP/s`."""
    text = quantity(value)
    return f"{text}{unit}" if text[-1].isalpha() else f"{text} {unit}"


def _drawn(found: Sequence[Dot], block: Dot, roof: Roof, title: str, setting: str) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with drawing("roofline"):
        figure = Figure(figsize=(7.6, 5.0))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.11, 0.16, 0.84, 0.72))
        _scales(axes)
        _draw_roof(axes, [*found, block], roof)
        _draw_dots(axes, found, block)
        axes.set_xlabel("FLOPs per byte moved")
        axes.set_ylabel("FLOP/s")
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold", pad=20)
        figure.text(0.11, 0.895, setting, color=SLATE, fontsize=7.5, wrap=True)
        figure.text(0.11, 0.02, f"ceilings: {roof.source}", color=SLATE, fontsize=7.5)
    return figure


def _scales(axes: "Axes") -> None:
    """Both logarithmic, with plain numbers at the powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: quantity(value, digits=1)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())


def _draw_roof(axes: "Axes", marks: Sequence[Dot], roof: Roof) -> None:
    ridge = roof.flop_per_s / roof.bandwidth_bytes_per_s
    places = [ridge, *(dot.intensity for dot in marks)]
    left, right = min(places) / 4, max(places) * 4
    heights = [left * roof.bandwidth_bytes_per_s, roof.flop_per_s, roof.flop_per_s]
    axes.plot([left, ridge, right], heights, color=INK, linewidth=1.6)
    axes.set_xlim(left, right)
    lowest = min(heights[0], *(dot.flop_per_s for dot in marks))
    axes.set_ylim(lowest / 3, roof.flop_per_s * 10)
    words = rate(roof.flop_per_s, "FLOP/s")
    axes.annotate(
        words, (right, roof.flop_per_s), (-2, 4), textcoords="offset points", ha="right",
        color=SLATE, fontsize=8.5,
    )  # fmt: skip
    middle = math.sqrt(left * ridge)
    axes.annotate(
        rate(roof.bandwidth_bytes_per_s, "B/s"), (middle, middle * roof.bandwidth_bytes_per_s),
        (8, -8), textcoords="offset points", ha="left", color=SLATE, fontsize=8.5,
    )  # fmt: skip


def _draw_dots(axes: "Axes", found: Sequence[Dot], block: Dot) -> None:
    for dot, colour in zip(found, _colours(), strict=False):
        size = max(20.0, LARGEST_PT2 * dot.share)
        label = f"{short(dot.name)} ({dot.share:.0%} of time)"
        axes.scatter(
            [dot.intensity], [dot.flop_per_s], s=size, color=colour, alpha=0.75, label=label
        )  # fmt: skip
    axes.scatter(
        [block.intensity], [block.flop_per_s], s=70, marker="D", color=INK, label="all, untraced"
    )
    axes.legend(loc="upper left", frameon=False, fontsize=8.5, markerscale=0.6)


def _colours() -> Iterator[str]:
    while True:
        yield from COLOURS

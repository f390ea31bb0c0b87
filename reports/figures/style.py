"""Gives all figures their colours, marks, SVG and PNG; the same figure gives the same bytes.

The methods that a figure names have Okabe and Ito's colours, the oracle is ink, all others are grey; each has a mark of its own, so that grey
print loses nothing. Pyplot and its global state are never imported.
"""

import hashlib
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adabench.harness.analysis.findings import Findings
from adabench.harness.contract.card import Metric
from adabench.reports import highlights
from adabench.reports.number_format import SCALES, quantity
from adabench.reports.shown_points import card_of, methods

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

INK, SLATE, GREY, RULE = "#1f2328", "#57606a", "#9aa1a9", "#d8dce1"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
FIRST: dict[str, str] = {
    "adaptive": COLOURS[0], "oracle": INK, "static": COLOURS[1], "control": COLOURS[3],
}  # fmt: skip
"""Colours of the best method of each role."""
FURTHER = (COLOURS[2], COLOURS[4], COLOURS[5], *(SLATE,) * 4)
"""Colours of further adaptive methods that a figure names."""
DASHES: tuple[Any, ...] = ("-", (0, (6, 1.5)), (0, (3, 1.2)))
SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": SLATE,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": SLATE,
    "ytick.color": SLATE,
    "svg.fonttype": "none",
}
BINARY = ("bytes", "B")
MILLION = 1e6
NAME_PT = 8.5
NAME_CHARACTERS = 40
STEM_CHARACTERS = 120
"""Of a file's name: with all that is put around it, it stays under the 255 bytes of a name."""


@dataclass(frozen=True)
class Stroke:
    """How one method is drawn."""

    colour: str
    mark: str
    dash: Any = "-"
    width: float = 1.8


@dataclass(frozen=True)
class LineName:
    """A name to be written beside a line, whose points are in data units."""

    text: str
    line: tuple[tuple[float, float], ...]
    stroke: Stroke


@contextmanager
def drawing(salt: str = "adabench") -> Iterator[None]:
    """Hold the figure settings for the length of a `with` block, and no longer."""
    import matplotlib

    settings: Any = {**SETTINGS, "svg.hashsalt": salt}
    with matplotlib.rc_context(settings):
        yield


def strokes(findings: Findings, task: str) -> dict[str, Stroke]:
    """Give every method of a task its colour and mark, the same in all its figures.

    The methods that figures name have a colour, all others are grey.
    """
    every = methods(findings, task)
    marks = {name: MARKS[place % len(MARKS)] for place, name in enumerate(every)}
    looks = {name: Stroke(GREY, marks[name], "-", 0.9) for name in every}
    first, further = dict(FIRST), iter(FURTHER)
    for name in highlights.names(findings, task, every, highlights.MOST - 1):
        role = card_of(findings, task, name).role
        colour = first.pop(role, "")
        if role == "oracle" and colour:
            looks[name] = Stroke(colour, marks[name], (0, (1, 1.6)), 1.6)
        elif colour:
            looks[name] = Stroke(colour, marks[name])
        elif role == "adaptive":
            looks[name] = Stroke(next(further), marks[name], DASHES[1], 1.4)
    return looks


def canvas() -> "tuple[Figure, Axes]":
    """Return a figure with one pair of axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height = 4.8
    figure = Figure(figsize=(8.0, height))
    FigureCanvasAgg(figure)
    bottom, top = 0.74 / height, 0.72 / height
    axes = figure.add_axes((0.105, bottom, 0.86, 1 - bottom - top))
    return figure, axes


def headings(axes: "Axes", title: str, better: str, held: str) -> None:
    """Write the title, under it what is better, and at the foot what was held fixed."""
    if held:
        axes.figure.text(0.105, 0.02, f"held at {held}", color=SLATE, fontsize=7.5)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", pad=22)
    axes.annotate(
        better,
        (0, 1),
        (0, 8),
        xycoords="axes fraction",
        textcoords="offset points",
        color=SLATE,
        fontsize=8.5,
    )


def axis_label(metric: Metric, label: str = "") -> str:
    """Return a metric's name in words, with its unit where it has one, and an energy's label."""
    words = re.sub(r"_(s|j|w|bytes)$", "", metric.name.replace("_est_", "_")).replace("_", " ")
    unit = "" if metric.unit in ("", "1", words) else f" [{metric.unit}]"
    return f"{words}{unit}{f' ({label})' if label else ''}"


def scale_axis(axes: "Axes", which: str, unit: str, values: Sequence[float], beyond: float) -> None:
    """Tick an axis with readable numbers; make it logarithmic if its range exceeds `beyond`."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = min(values), max(values)
    if low > 0 and high / low > beyond:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        axis.set_major_locator(_log_ticks(unit, high / low))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(_ticks(unit, high - low))
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value, unit)))


def _log_ticks(unit: str, ratio: float) -> "Locator":
    from matplotlib.ticker import LogLocator

    if unit in BINARY:
        return LogLocator(base=2, numticks=8)
    return LogLocator(subs=(1.0, 2.0, 5.0) if ratio < 300 else (1.0,))


def _ticks(unit: str, width: float) -> "Locator":
    """Return round places: powers of two for bytes, else of ten."""
    from matplotlib.ticker import MaxNLocator, MultipleLocator

    if unit in BINARY and width > 0:
        return MultipleLocator(2.0 ** round(math.log2(width / 5)))
    return MaxNLocator(6, steps=[1, 2, 2.5, 5, 10])


def tick(value: float, unit: str) -> str:
    """Return a value as it stands beside an axis: few digits, no trailing zeros."""
    if unit not in (*SCALES, *BINARY) and MILLION <= abs(value) < 1e9:
        return f"{value / MILLION:g} M"  # the digits of a large count have no room beside an axis
    text = quantity(value, unit or "count", digits=3)
    return re.sub(r"(\.\d*?)0+(?=\D*$)", r"\1", text).replace(". ", " ").rstrip(".")


def short(name: str) -> str:
    """Return a name that fits the margin."""
    return name if len(name) <= NAME_CHARACTERS else name[: NAME_CHARACTERS - 1] + "…"


def save(figure: "Figure", folder: Path, stem: str) -> list[Path]:
    """Write `stem`.png (150 dots per inch) and `stem`.svg into `folder`."""
    png, svg = folder / f"{stem}.png", folder / f"{stem}.svg"
    with drawing(stem):
        figure.savefig(png, dpi=150, facecolor="white", metadata={"Software": None})
        figure.savefig(svg, facecolor="white", metadata={"Date": None, "Creator": None})
    return [png, svg]


def inline_svg(figure: "Figure", name: str, title: str, swap: Mapping[str, str]) -> str:
    """Return the figure as an `<svg>` element that can stand inside an HTML page.

    Ids get the prefix `name`, so that many figures can share a page; name spaces, the XML
    head and metadata are dropped, and with them every URL. `swap` replaces colours
    (`{INK: "currentColor"}`), so that a dark page can draw light lines.
    """
    from html import escape

    buffer = io.StringIO()
    with drawing(name):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", text)
    for colour, replacement in swap.items():
        text = text.replace(colour, replacement)
    # matplotlib gives points; the page gives the width.
    head = f'<svg role="img" aria-labelledby="{name}-title"'
    text = re.sub(r'<svg( height="[^"]*")?', head, text, count=1)
    text = re.sub(r' width="[\d.]+pt"', "", text, count=1)
    return text.replace(">", f'><title id="{name}-title">{escape(title)}</title>', 1).strip()


def file_stem(*words: str) -> str:
    """Join words into a name that is safe as a file name and as an HTML id, and short enough."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(words)).strip("-").lower()
    if len(stem) <= STEM_CHARACTERS:
        return stem
    digest = hashlib.sha256("\0".join(words).encode(errors="replace")).hexdigest()[:12]
    return f"{stem[: STEM_CHARACTERS - 13]}-{digest}"

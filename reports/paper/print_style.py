"""Gives figures for a paper their size and formats: one column wide, letters seven points high.

Letters are never scaled: include a figure at its natural size. SVG has its letters as outlines, PDF has TrueType letters, which journals ask
for, PNG has 300 dots per inch. No file holds a time: the same figure gives the same bytes.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adabench.reports.figures.style import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN_IN = 3.25
"""A column of ICML, ACM and IEEE pages is 3.25 to 3.5 inches wide."""
LETTER_PT, SMALL_PT = 7.0, 6.0
HEIGHT_IN, RIGHT_IN = 2.4, 0.08
LEFT_IN, BOTTOM_IN, TOP_IN = 0.5, 0.38, 0.12
PNG_DPI = 300
PAPER: dict[str, Any] = {
    "font.size": LETTER_PT,
    "axes.labelsize": LETTER_PT,
    "xtick.labelsize": SMALL_PT,
    "ytick.labelsize": SMALL_PT,
    "axes.linewidth": 0.6,
    "grid.linewidth": 0.4,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.labelpad": 2.0,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
}
TICKS = 4
"""Figures that have room below an axis."""


def save(figure: "Figure", folder: Path, stem: str) -> list[Path]:
    """Write a figure as SVG, PDF and PNG."""
    import matplotlib

    nothing = {
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Software": None},
    }
    paths = []
    with paper(stem):
        for kind, metadata in nothing.items():
            path = folder / f"{stem}.{kind}"
            options: Any = {"metadata": metadata, "dpi": PNG_DPI, "facecolor": "white"}
            with matplotlib.rc_context({"svg.hashsalt": stem}):
                figure.savefig(path, **options)
            paths.append(path)
    return paths


@contextmanager
def paper(salt: str = "adabench") -> Iterator[None]:
    """Hold the settings of paper figures for the length of a `with` block."""
    import matplotlib

    settings: Any = PAPER
    with drawing(salt), matplotlib.rc_context(settings):
        yield


def canvas() -> "tuple[Figure, Axes]":
    """Return a figure with one pair of axes."""
    return canvas_of(HEIGHT_IN, LEFT_IN, RIGHT_IN)


def canvas_of(
    height: float, left: float, right: float, bottom: float = BOTTOM_IN
) -> "tuple[Figure, Axes]":
    """Return a figure of one column's width with its axes inside the margins, in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(COLUMN_IN, height))
    FigureCanvasAgg(figure)
    wide = 1 - (left + right) / COLUMN_IN
    high = 1 - (bottom + TOP_IN) / height
    return figure, figure.add_axes((left / COLUMN_IN, bottom / height, wide, high))


def sparse(axes: "Axes") -> None:
    """Keep the figures below the axis apart."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    if axes.get_xscale() == "linear":
        axes.xaxis.set_major_locator(MaxNLocator(TICKS, steps=[1, 2, 2.5, 5, 10]))
        return
    low, high = axes.get_xlim()
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ladder = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
    inside = [value for value in ladder if low <= value <= high]
    axes.xaxis.set_major_locator(FixedLocator(inside[:: math.ceil(len(inside) / TICKS)]))


def tail(name: str) -> str:
    """Return an address that fits the left margin, its end kept."""
    return name if len(name) <= 26 else "…" + name[-25:]

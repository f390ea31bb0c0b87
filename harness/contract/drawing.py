"""A task's drawing of one of its cases: plain marks on planes, which reports turn into a figure.

Some tasks are understood by looking: a tree that was cut, a street with rays. Such a folder under
`workloads/` holds, beside `task.py`, a file `drawing.py` with one function

    def picture(scale: str, seed: int, conditions: Point) -> Picture | None

It is a pure function of what identifies a recorded cell, and it draws the instance: no method
runs for it, and nothing measured is in it. `Picture.instance` is the content hash of the case that
was drawn; a report shows it only where the run recorded that hash (`reports/report/case_drawings.py`).
"""

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from adabench.harness.contract import registry
from adabench.harness.contract.card import Point
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import MethodContractError

Kind = Literal["segments", "line", "discs", "boxes", "dots"]
Tone = Literal["solid", "outline", "faint", "plain", "lost", "new", "way"]
NUMBERS: dict[Kind, int] = {"segments": 4, "line": 2, "discs": 3, "boxes": 4, "dots": 2}
"""How many numbers a place has: x y u v from an end to the other; x y; x y radius; x y u v from
corner to corner; x y."""
MOST_PLACES = 20_000
"""Of a picture: a page is sent."""


@dataclass(frozen=True)
class Mark:
    """Many shapes of a kind that mean the same."""

    kind: Kind
    places: tuple[tuple[float, ...], ...]
    tone: Tone
    label: str = ""
    """What they are, in the legend; marks of one label are one entry."""


@dataclass(frozen=True)
class Panel:
    """One plane; what stands later lies above."""

    title: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Picture:
    """A case in one or several panels of the same window."""

    title: str
    panels: tuple[Panel, ...]
    window: tuple[float, float, float, float]
    """x low, y low, x high, y high."""
    words: str
    """What is to be seen, for those who do not see it."""
    instance: float
    """The content hash of the case, as the task's metric `instance` records it."""


Painter = Callable[[str, int, Point], Picture | None]


def painter(entry: Entry) -> Painter | None:
    """Return the function that draws for a task; None if its folder has no `drawing.py`.

    Raises:
        MissingExtra: if the task needs an extra that is not installed.
        MethodContractError: if the file has no such function.
    """
    package, _, _ = entry.module.rpartition(".")
    if not package or not entry.path.with_name("drawing.py").is_file():
        return None
    registry.load(entry)
    found = getattr(importlib.import_module(f"{package}.drawing"), "picture", None)
    if not callable(found):
        raise MethodContractError(f"{package}.drawing has no function picture.")
    return cast(Painter, found)


def check_picture(drawn: Picture) -> Picture:
    """Return a picture that can be drawn.

    Raises:
        MethodContractError: for a window without area, a place of the wrong length, a number that
            is not finite, or more places than a page carries.
    """
    x, y, u, v = drawn.window
    marks = [mark for panel in drawn.panels for mark in panel.marks]
    if not (x < u and y < v):
        raise MethodContractError(f"The window {drawn.window} of a picture has no area.")
    if sum(len(mark.places) for mark in marks) > MOST_PLACES:
        raise MethodContractError(f"A picture has more than {MOST_PLACES:,} places.")
    for mark in marks:
        if any(len(place) != NUMBERS[mark.kind] for place in mark.places):
            raise MethodContractError(f"A place of {mark.kind} has {NUMBERS[mark.kind]} numbers.")
        if not all(math.isfinite(number) for place in mark.places for number in place):
            raise MethodContractError(f"A place of {mark.kind} is not finite.")
    return drawn

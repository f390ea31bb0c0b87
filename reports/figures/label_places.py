"""Places names in a figure: beside a point of their own line, over no other name, never cut.

A name tries eight sides of each of its anchors, then wider circles. Of the places inside the frame it takes the one that covers the fewest
points, and one nearer to another line than to its own only if there is no better; an optional name is left out then.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Spot = tuple[float, float]
Box = tuple[float, float, float, float]
"""Least x, least y, largest x, largest y."""
SIDES = ((1, 0), (0, 1), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
RINGS = (1.0, 2.2, 4.0, 6.5, 10.0)
AIR = 1.5
"""Of a name's letters, in the unit of the figure."""
COVERED, FURTHER, LATER, TURNED, STRANGE = 4.0, 9.0, 0.6, 0.15, 40.0
WIDTHS = {
    **dict.fromkeys("ijlI|.,:;'!", 0.32),
    **dict.fromkeys("ft()[]/ -", 0.41),
    **dict.fromkeys("mwMW%@", 0.98),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ", 0.76),
}
"""Of letters, as shares of their size, after the widest of the usual sans-serif faces."""
WIDTH = 0.64


@dataclass(frozen=True)
class Name:
    """A name to be placed: how large it is, and the points that it may stand beside."""

    width: float
    height: float
    anchors: tuple[Spot, ...]
    """The best first."""
    line: tuple[Spot, ...] = ()
    """Points along its own line; its anchors where there is no line."""
    rings: int = len(RINGS)
    """How many circles are tried."""
    optional: bool = False
    """It is left out rather than put on another line, or nearer to one than to its own."""


def width_of(text: str, size: float) -> float:
    """Return about how wide a text is; rather too wide than too narrow."""
    return size * sum(WIDTHS.get(letter, WIDTH) for letter in text)


def along(points: Sequence[Spot], step: float) -> Iterator[Spot]:
    """Yield points of a broken line, at most `step` apart."""
    yield from points[:1]
    for (ax, ay), (bx, by) in pairwise(points):
        parts = max(1, math.ceil(math.hypot(bx - ax, by - ay) / step))
        for part in range(1, parts + 1):
            yield ax + (bx - ax) * part / parts, ay + (by - ay) * part / parts


def anchors(points: Sequence[Spot], most: int) -> tuple[Spot, ...]:
    """Return where the name of a line may stand, at most so many places: its end, then the others."""
    backwards = list(reversed(points))
    return tuple(backwards[:: max(1, math.ceil(len(backwards) / most))])


def places(
    names: Sequence[Name], points: Sequence[Spot], frame: Box, gap: float
) -> list[Box | None]:
    """Return where each name stands, the first served first; None where there is no room.

    `points` are what should stay in sight: marks and places along lines, the names' own among them.
    """
    held: list[Box] = []
    found: list[Box | None] = []
    for name in names:
        open_ = [
            (cost, box)
            for cost, box in _candidates(name, gap)
            if _inside(box, frame) and not any(_meet(box, other) for other in held)
        ]
        best = _best(name, open_, points, gap)
        found.append(best)
        held += [best] if best else []
    return found


def _best(
    name: Name, open_: Sequence[tuple[float, Box]], points: Sequence[Spot], gap: float
) -> Box | None:
    if not open_:
        return None
    boxes = np.array([box for _, box in open_])  # (candidates, 4)
    line = name.line or name.anchors
    others = sorted(set(points) - set(line) - set(name.anchors))
    covered = (_distances(boxes, points) < gap / 3).sum(axis=1)
    own, nearest = (
        _distances(boxes, spots).min(axis=1, initial=np.inf) for spots in (line, others)
    )
    strange = nearest < own - gap / 2
    costs = np.array([cost for cost, _ in open_]) + COVERED * covered + STRANGE * strange
    if name.optional:
        costs[strange | (nearest < gap / 3)] = np.inf
    first = int(np.argmin(costs))
    return open_[first][1] if np.isfinite(costs[first]) else None


def _distances(boxes: NDArray[np.float64], spots: Sequence[Spot]) -> NDArray[np.float64]:
    """Return how far each spot is from each box, (boxes, spots); inside it is 0."""
    x, y = np.array(spots, float).reshape(-1, 2).T
    left, low, right, high = boxes.T[:, :, None]
    across = np.maximum(np.maximum(left - x, x - right), 0)
    up = np.maximum(np.maximum(low - y, y - high), 0)
    far: NDArray[np.float64] = np.hypot(across, up)
    return far


def _candidates(name: Name, gap: float) -> Iterator[tuple[float, Box]]:
    for ring, factor in enumerate(RINGS[: name.rings]):
        for rank, (x, y) in enumerate(name.anchors):
            for turn, (across, up) in enumerate(SIDES):
                far = gap * factor * (0.75 if across and up else 1.0)
                middle_x = x + across * (far + name.width / 2)
                middle_y = y + up * (far + name.height / 2)
                cost = FURTHER * ring + LATER * rank + TURNED * turn
                wide, high = name.width / 2, name.height / 2
                yield cost, (middle_x - wide, middle_y - high, middle_x + wide, middle_y + high)


def _inside(box: Box, frame: Box) -> bool:
    return all(a >= b for a, b in zip(box[:2], frame[:2], strict=True)) and all(
        a <= b for a, b in zip(box[2:], frame[2:], strict=True)
    )


def _meet(one: Box, other: Box) -> bool:
    return (
        one[0] < other[2] + AIR
        and other[0] < one[2] + AIR
        and one[1] < other[3] + AIR
        and other[1] < one[3] + AIR
    )

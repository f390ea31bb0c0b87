"""Headroom captured: the share of the oracle's gain over the static mixture that a method gets.

`H = area(method - mixture) / area(oracle - mixture)` over the budgets of the task. *Mixture*: the
operating points of all static methods, mixed at random, as a router that ignores its input could.
*Oracle*: allocation with the answers known. *Method*: its own operating points, mixed at random too
(a mixture of two settings of an adaptive method is one of its own settings, and the other curves
are allowed the same). 1: all that the oracle gets; 0: no better than the static mixture; below 0:
worse. The range is that of the static
settings, from their least cost (or the oracle's, if that is larger) to their largest. A curve may
spend more for nothing, so it is defined for every budget above its least cost; for a budget below
that a method cannot run, its user mixes static settings, and nothing is gained there. (Holding the
range to the budgets where a method itself runs would cut off what it saves, and divides by next to
nothing where static settings are good already.) For a method that runs at or beyond the largest
static setting only, H is the ratio of heights at its least cost.

An oracle that gains nothing leaves no H. One that lies below the static mixture is no oracle, and
the row says so. Operating points are means over the cases that all of them share; resamples redraw
those cases, so hulls, range and areas vary together in the interval.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from adabench.harness.analysis.cost_quality_plane import Dots, Plane, height, planes
from adabench.harness.analysis.findings import HeadroomRow
from adabench.harness.analysis.operating_points import (
    OperatingPoint,
    ReplicateList,
    shared_places,
    table,
)
from adabench.harness.contract.card import Card
from adabench.harness.stats.intervals import FloatArray, Statistic, bootstrap, means

TINY = 1e-9
"""Relative to the largest quality: a gain below it is rounding."""


def headroom(
    dots: Sequence[OperatingPoint], task_cards: Mapping[str, Card], method_cards: Mapping[str, Card]
) -> tuple[HeadroomRow, ...]:
    """Return a row for each adaptive and control method of each task, sorted by address."""
    return tuple(
        _headroom(plane, method)
        for plane in planes(dots, task_cards, method_cards)
        for method in plane.methods("adaptive", "control")
    )


def _headroom(plane: Plane, method: str) -> HeadroomRow:
    kind, oracles = plane.oracles()
    sides = [plane.dots(names) for names in (plane.methods("static"), oracles, [method])]
    places = shared_places(*sides)
    reason = _missing(plane, sides, places, method, oracles)
    row = HeadroomRow(
        plane.task,
        method,
        None,
        None,
        None,
        kind if oracles else "",
        " + ".join(oracles),
        plane.cost,
        plane.quality,
        len(places),
        reason,
    )
    return row if reason else _captured(row, plane, sides, places)


def _missing(
    plane: Plane, sides: Sequence[Dots], places: ReplicateList, method: str, oracles: list[str]
) -> str:
    """Say what H lacks; empty if nothing."""
    blind, oracle, own = sides
    if not plane.methods("static"):
        return "no static method was run"
    if not oracles:
        return "no oracle was run"
    for dots, who in ((own, method), (blind, "a static method"), (oracle, "the oracle")):
        if not dots:
            return f"{who} has no record of both {plane.cost} and {plane.quality}"
    return "" if places else "no case was solved by all: statics, oracle and method"


def _captured(
    row: HeadroomRow, plane: Plane, sides: Sequence[Dots], places: ReplicateList
) -> HeadroomRow:
    """Fill in the share, its interval, and what is wrong with the oracle."""
    costs = [table(dots, places, plane.cost) for dots in sides]
    qualities = [plane.sign * table(dots, places, plane.quality) for dots in sides]
    tiny = TINY * max(float(np.abs(quality).max()) for quality in qualities)
    share, least = bootstrap(places, _share(costs, qualities, tiny), "bca")
    if not math.isfinite(share.estimate):
        return replace(row, reason="no headroom on this substrate: the oracle gains nothing")
    notes = []
    beyond_noise = least.estimate if least.high is None else least.high
    if beyond_noise < -tiny:
        notes.append(f"the oracle lies below blind mixing by up to {-least.estimate:.3g}")
    if share.low is None and least.low is not None:
        notes.append("no interval: the oracle's gain is within noise")
    return replace(row, h=share.estimate, low=share.low, high=share.high, reason="; ".join(notes))


def _share(costs: list[FloatArray], qualities: list[FloatArray], tiny: float) -> Statistic:
    """Return the statistic (H, least height of the oracle over the static mixture)."""
    ends = np.cumsum([column.shape[1] for column in costs + qualities])[:-1]
    mean = means(np.hstack(costs + qualities))

    def statistic(weights: FloatArray) -> FloatArray:
        blind_x, oracle_x, own_x, *heights = np.split(mean(weights), ends, axis=1)
        at = _budgets(blind_x, oracle_x, own_x)
        curves = list(zip((blind_x, oracle_x, own_x), heights, strict=True))
        blind, oracle, own = (height(x, y, at) for x, y in curves)
        least = own_x.min(axis=1, keepdims=True)
        late = (least >= at[:, -1:])[:, 0]
        room = _area(oracle - blind, at, at >= at[:, :1])
        gain = _area(own - blind, at, at > least)
        last = oracle[:, -1] - blind[:, -1], own[:, -1] - blind[:, -1]
        room, gain = np.where(late, last[0], room), np.where(late, last[1], gain)
        share = np.divide(gain, room, out=np.full_like(gain, np.nan), where=room > tiny)
        return np.stack([share, (oracle - blind).min(axis=1)], axis=1)

    return statistic


def _budgets(blind: FloatArray, oracle: FloatArray, own: FloatArray) -> FloatArray:
    """Return the sorted costs (r, k) of all dots, held to the task's range of budgets.

    Where a method runs only beyond that range, its least cost is the last of them.
    """
    low = np.maximum(blind.min(axis=1), oracle.min(axis=1))[:, None]
    high = np.maximum(low, blind.max(axis=1)[:, None])
    inside = np.clip(np.hstack([blind, oracle, own]), low, high)
    last = np.maximum(high, own.min(axis=1, keepdims=True))
    return np.sort(np.hstack([inside, last]), axis=1)


def _area(gap: FloatArray, at: FloatArray, ends: npt.NDArray[np.bool_]) -> FloatArray:
    """Integrate a piecewise linear gap (r, k) exactly over the stretches that end at `ends`."""
    width = np.diff(at, axis=1) * ends[:, 1:]
    return np.asarray((width * (gap[:, 1:] + gap[:, :-1]) / 2).sum(axis=1), np.float64)

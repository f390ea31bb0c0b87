"""The band of a task's common front: how well the data know the best quality at each cost.

The operating points of all methods but oracles, in the plot that the figures draw, over the cases
that all of them share. The band is simultaneous (`harness/stats/front_bands.py`): with 95 % it holds
the whole true front. Its two curves are kept as the corners of steps.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from adabench.harness.analysis.findings import FrontBand
from adabench.harness.analysis.independent_units import with_units
from adabench.harness.analysis.operating_points import (
    OperatingPoint,
    settings,
    shared_places,
    table,
)
from adabench.harness.analysis.quality_cost_plot import axes, points_of_plot, rising
from adabench.harness.contract.card import Card
from adabench.harness.stats.front_bands import Band, front_band, units_of

FEWEST = 5
"""Units: with fewer a band is wider than the plot."""
Corners = tuple[tuple[float, float], ...]


def front_bands(
    dots: Sequence[OperatingPoint], task_cards: Mapping[str, Card], method_cards: Mapping[str, Card]
) -> tuple[FrontBand, ...]:
    """Return the band of each task that has a plot and enough cases that all methods share."""
    found = []
    for task in sorted({dot.task for dot in dots}):
        real = [
            dot
            for dot in dots
            if dot.task == task and method_cards[f"{task}/{dot.method}"].role != "oracle"
        ]
        cards = [method_cards[f"{task}/{name}"] for name in sorted({dot.method for dot in real})]
        real = with_units(real, real, task_cards[task], cards)
        band = _band(task, real, task_cards[task])
        found += [] if band is None else [band]
    return tuple(found)


def _band(task: str, dots: Sequence[OperatingPoint], card: Card) -> FrontBand | None:
    pair = axes(card)
    if pair is None or not dots:
        return None
    cost, quality = pair
    drawn = settings(points_of_plot(dots, card), (cost.name, quality.name))
    places = shared_places(drawn)
    if not places:
        return None
    count = len(drawn)
    columns = np.hstack([table(drawn, places, m.name) for m in (cost, quality)])
    units = units_of(places, columns)
    if len(units) < FEWEST:
        return None
    sign = rising(quality)
    band = front_band(units[:, :count], sign * units[:, count:])
    lower, upper = (_steps(costs, qualities, sign) for costs, qualities in _sides(band))
    return FrontBand(task, cost.name, quality.name, band.level, band.units, lower, upper)


def _sides(band: Band) -> list[tuple[Sequence[float], Sequence[float]]]:
    return [(band.cost_high, band.quality_low), (band.cost_low, band.quality_high)]


def _steps(costs: Sequence[float], qualities: Sequence[float], sign: float) -> Corners:
    """Return where a rising step curve steps, by cost, as (cost, quality)."""
    steps: list[tuple[float, float]] = []
    ends = zip(costs, qualities, strict=True)
    for cost, quality in sorted(end for end in ends if np.isfinite(end).all()):
        if not steps or quality > sign * steps[-1][1]:
            steps.append((float(cost), sign * float(quality)))
    return tuple(steps)

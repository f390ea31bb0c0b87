"""A day of a service: its load, and the capacity that two plain rules would give it.

Drawn are the peak of all that was known, and the quantile of six lags at the violation target (`lag_regression.py`),
both worked out here from the service alone. The area between capacity and load is what stands idle. Of the days that
are served the first is drawn, and the one with the highest load.
"""

from typing import Any

import numpy as np

from adabench.harness.contract.card import Point
from adabench.harness.contract.drawing import Mark, Panel, Picture
from adabench.workloads.algorithms.autoscale.substrate.lag_regression import fit
from adabench.workloads.algorithms.autoscale.substrate.provisioning import (
    BULK,
    forecasts,
    quantile_at,
)
from adabench.workloads.algorithms.autoscale.substrate.traces import Floats
from adabench.workloads.algorithms.autoscale.task import load


def picture(scale: str, seed: int, conditions: Point) -> Picture:
    """Draw two days of the first service."""
    settings: dict[str, Any] = dict(conditions)
    task = load(scale, seed, **settings)
    world = task.of(task.cases()[0])
    case, known = world.case, len(world.case.past)
    readings = np.concatenate((case.past, world.future))
    rows = forecasts(readings, np.arange(known, len(readings)), case, fit(case))
    target = np.array([case.eps])
    capacity = np.concatenate([quantile_at(row[len(BULK) :], target) for row in rows])
    peak, seen = float(case.past[:, -1].max()), world.future[:, -1]
    days = sorted({0, int(np.argmax(seen)) // case.day})
    parts = [slice(day * case.day, min((day + 1) * case.day, len(seen))) for day in days]
    panels = tuple(
        _panel(f"Day {day + 1}", seen[part], capacity[part], peak, case.day)
        for day, part in zip(days, parts, strict=True)
    )
    highest = max(peak, *(float(max(seen[part].max(), capacity[part].max())) for part in parts))
    over = [int(np.count_nonzero(seen[part] > capacity[part])) for part in parts]
    words = (
        f"{case.group}, {' and '.join(panel.title.lower() for panel in panels)} of those that are served: the load "
        f"under the capacity of six lags at a target of {case.eps:.1%}, which it exceeds in "
        f"{' and '.join(map(str, over))} slots, and under the peak of the known days, {peak:.2f}."
    )
    window = (0.0, 0.0, 24.0, 1.05 * highest)
    return Picture(f"Capacity and load: {case.group}", panels, window, words, case.instance)


def _panel(title: str, seen: Floats, capacity: Floats, peak: float, day: int) -> Panel:
    hours = np.arange(len(seen)) * 24 / day
    over = seen > capacity
    return Panel(title, (
        _line(hours, np.full(len(seen), peak), "faint", "peak of the known days"),
        _line(hours, capacity, "new", "capacity by six lags"),
        _line(hours, seen, "solid", "load"),
        Mark("dots", _places(hours[over], seen[over]), "lost", "load above capacity"),
    ))  # fmt: skip


def _line(hours: Floats, values: Floats, tone: Any, label: str) -> Mark:
    return Mark("line", _places(hours, values), tone, label)


def _places(hours: Floats, values: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple((float(x), float(y)) for x, y in zip(hours, values, strict=True))

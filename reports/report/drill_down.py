"""Looks inside an operating point: what its cases cost, by group and from the cheapest to the dearest.

For quality, work, latency and the task's own costs: the mean over each group of cases, and each case in rising order, or 21 quantiles where
there are more. Repeats are collapsed and seeds averaged first, so a case counts once. These describe the cases that ran: no intervals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adabench.harness.analysis.findings import Findings
from adabench.harness.contract.card import Card
from adabench.harness.contract.record import Cell
from adabench.harness.stats.intervals import FloatArray, IntArray
from adabench.harness.store.table import Table
from adabench.reports import shown_points

QUANTILES = tuple(step / 20 for step in range(21))
MOST_METRICS, MOST_GROUPS = 6, 12
DIGITS = 6
"""Significant digits that are kept of each: a drill-down shows shapes, and pages are sent."""


@dataclass(frozen=True)
class PointDetails:
    """What lies behind one row of the summary."""

    groups: Mapping[str, tuple[int, Mapping[str, float]]]
    """By group: how many cases, and the mean of each metric that they hold."""
    quantiles: Mapping[str, tuple[float, ...]]
    """By metric: every case in rising order if they are few, else at `QUANTILES`; a single number
    if it is the same in all."""
    cases: int


def inside(findings: Findings, table: Table) -> dict[int, PointDetails]:
    """Return what lies behind each row of the summary, by its place there."""
    small = table.collapsed()
    several = len({cell.scale for cell in small.cells}) > 1
    cells: dict[object, list[int]] = {}
    for at, cell in enumerate(small.cells):
        cells.setdefault(_key_of_cell(cell, several), []).append(at)
    metrics = {task: watched_metrics(card) for task, card in findings.task_cards.items()}
    found = {}
    for at, row in enumerate(findings.summary):
        own = cells.get(_key(row.task, row.method, row.point, row.conditions), [])
        spans = [np.arange(small.bounds[i], small.bounds[i + 1]) for i in own]
        if spans:
            found[at] = _inside(small, np.concatenate(spans), metrics[row.task])
    return found


def watched_metrics(card: Card) -> list[str]:
    """Return the metrics that are looked into, the most telling first."""
    axes = [shown_points.primary(card, "work"), shown_points.primary(card, "quality")]
    names = [metric.name for metric in axes if metric]
    names += ["latency_s", "energy_j", "energy_est_j", "flops_counted"]
    names += [metric.name for metric in shown_points.cost_metrics(card)]
    return list(dict.fromkeys(names))


def _key(task: str, method: str, point: object, conditions: object) -> object:
    both = [sorted((k, repr(v)) for k, v in dict(part).items()) for part in (point, conditions)]  # type: ignore[call-overload]
    return task, method, *(tuple(part) for part in both)


def _key_of_cell(cell: Cell, several: bool) -> object:
    scale = {"scale": cell.scale} if several else {}
    return _key(cell.task, cell.method, cell.point, {**cell.conditions, **scale})


def _inside(table: Table, rows: IntArray, metrics: Sequence[str]) -> PointDetails:
    """Average each case over its seeds, then describe the cases."""
    number = table.group[rows] * (int(table.case.max(initial=0)) + 1) + table.case[rows]
    _, first, case = np.unique(number, return_index=True, return_inverse=True)
    group = table.group[rows][first]
    values: dict[str, FloatArray] = {}
    for name in metrics:
        column = table.columns.get(name)
        if column is not None and len(values) < MOST_METRICS:
            means = _means(column[rows], case, len(first))
            if not np.isnan(means).all():
                values[name] = means
    return PointDetails(_groups(table, group, values), _quantiles(values), len(first))


def _means(column: FloatArray, case: IntArray, cases: int) -> FloatArray:
    """Return the mean of each case over the rows that hold a value; NaN where none does."""
    known = ~np.isnan(column)
    total = np.bincount(case[known], column[known], cases)
    count = np.bincount(case[known], minlength=cases)
    means = np.divide(total, count, out=np.full(cases, np.nan), where=count > 0)
    return np.asarray(means, np.float64)


def _groups(
    table: Table, group: IntArray, values: Mapping[str, FloatArray]
) -> dict[str, tuple[int, Mapping[str, float]]]:
    """Return the means of each group; without groups, or with too many, nothing."""
    present = np.unique(group)
    if not 1 < len(present) <= MOST_GROUPS:
        return {}
    found: dict[str, tuple[int, Mapping[str, float]]] = {}
    for g in present:
        own = {name: column[group == g] for name, column in values.items()}
        means = {n: brief(float(np.nanmean(x))) for n, x in own.items() if not np.isnan(x).all()}
        found[table.groups[g]] = (int(np.sum(group == g)), means)
    return found


def _quantiles(values: Mapping[str, FloatArray]) -> dict[str, tuple[float, ...]]:
    return {name: _rising(column[~np.isnan(column)]) for name, column in values.items()}


def _rising(column: FloatArray) -> tuple[float, ...]:
    """Return a column in rising order, shortened to what a curve needs."""
    if column.min() == column.max():
        return (brief(float(column[0])),)
    few = len(column) <= len(QUANTILES)
    rising = np.sort(column) if few else np.quantile(column, QUANTILES)
    return tuple(brief(float(value)) for value in rising)


def brief(value: float) -> float:
    """Return a number with `DIGITS` significant digits."""
    return float(f"{value:.{DIGITS - 1}e}")

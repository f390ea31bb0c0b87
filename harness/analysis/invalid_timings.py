"""Which cells' timings are invalid, and a table without them.

A cell whose samples were disturbed too often (`profilers/timing/disturbance.py`) has times that say more
about the machine's other work than about the method. They are recorded, shown as what they are by
a warning, and enter no mean, ratio, interval, claim or front: `drop_invalid_timings` takes them out before
anything is computed. The counts of such a cell stand, and so does the processor time.

Times are told by how their names end; what follows from times and has no unit of time (a share, a ratio of
percentiles, a rate) is told by its task's declaration (`Metric.clocked`).
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from adabench.harness.contract.card import Card
from adabench.harness.stats.intervals import FloatArray
from adabench.harness.store.table import Table
from adabench.profilers.timing.disturbance import KEEP_SHARE

Mask = npt.NDArray[np.bool_]

CLOCKED = ("_s", "_j")
ROBUST = "cpu_s"
"""How processor time ends, the harness's and a task's own: a wait does not lengthen it."""


def column(table: Table, name: str) -> FloatArray:
    """Return a column, all NaN if nobody recorded it."""
    found = table.columns.get(name)
    return np.full(len(table), np.nan) if found is None else found[:]


def judge_timings(table: Table) -> tuple[Mask, Mask]:
    """Return which cells have invalid timings, and which valid ones nobody watched.

    A cell is judged over its cases, each of which counts alike; one case that nobody watched makes
    a valid cell unwatched.
    """
    samples, lost = column(table, "samples"), column(table, "samples_dropped")
    counted = samples > 0
    cell, n = table.cell[counted], len(table.cells)
    shares = 1 - np.nan_to_num(lost[counted]) / samples[counted]
    cases = np.bincount(cell, minlength=n)
    kept = np.bincount(cell, shares, n) / np.maximum(cases, 1)
    blind = np.bincount(cell, np.isnan(lost[counted]), n) > 0
    invalid = (cases > 0) & (kept < KEEP_SHARE)
    return invalid, (cases > 0) & ~invalid & blind


def drop_invalid_timings(table: Table, task_cards: Mapping[str, Card]) -> Table:
    """Return the table without the times and joules of cells whose timing is invalid."""
    invalid, _ = judge_timings(table)
    if not invalid.any():
        return table
    columns = dict(table.columns)
    for name, values in table.columns.items():
        cells = invalid & _has_clocked(table, name, task_cards)
        if cells.any():
            columns[name] = np.where(cells[table.cell], np.nan, values[:])
    return replace(table, columns=columns)


def _has_clocked(table: Table, name: str, task_cards: Mapping[str, Card]) -> Mask:
    """Return for each cell whether a column holds a time, or what its task says follows from times."""
    if name.endswith(ROBUST):
        return np.zeros(len(table.cells), np.bool_)
    if name.endswith(CLOCKED):
        return np.ones(len(table.cells), np.bool_)
    tasks = {
        task
        for task, card in task_cards.items()
        if any(metric.name == name and metric.clocked for metric in card.metrics)
    }
    return np.array([cell.task in tasks for cell in table.cells], np.bool_)

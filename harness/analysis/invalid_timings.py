"""Which cells' timings are invalid, and a table without them.

A cell whose samples were disturbed too often (`profilers/timing/disturbance.py`) has times that say more
about the machine's other work than about the method. They are recorded, shown as what they are by
a warning, and enter no mean, ratio, interval, claim or front: `drop_invalid_timings` takes them out before
anything is computed. The counts of such a cell stand, and so does the processor time.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

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


def drop_invalid_timings(table: Table) -> Table:
    """Return the table without the times and joules of cells whose timing is invalid."""
    invalid, _ = judge_timings(table)
    if not invalid.any():
        return table
    rows = invalid[table.cell]
    clocked = {n for n in table.columns if n.endswith(CLOCKED) and not n.endswith(ROBUST)}
    columns = {
        name: np.where(rows, np.nan, values[:]) if name in clocked else values
        for name, values in table.columns.items()
    }
    return replace(table, columns=columns)

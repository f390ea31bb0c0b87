"""What a preparation took, as a value of the cases that were solved with what was prepared.

A claim about training costs reads `prepare_cpu_s`: the CPU seconds of the preparation that stands
before a case. A preparation belongs to all cells that differ from it in knobs turned at `solve`
alone; in its record those are at their default, so a knob that has several values there is one that
is turned at `prepare`.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from adabench.harness.contract.record import Cell, Record
from adabench.harness.stats.intervals import FloatArray
from adabench.harness.store.table import Table

PREFIX = "prepare_"
Turned = Mapping[tuple[str, str], frozenset[str]]


def preparation_column(table: Table, name: str) -> FloatArray:
    """Return a value of the preparation of each cell of a table; NaN where there is none."""
    wanted = name.removeprefix(PREFIX)
    records = [r for r in table.others if r.phase == "prepare" and r.status == "ok"]
    turned = _turned(records)
    found = {_place(r.cell, turned): r.values[wanted] for r in records if wanted in r.values}
    return np.array([found.get(_place(cell, turned), np.nan) for cell in table.cells], np.float64)


def _turned(records: list[Record]) -> Turned:
    """Return the knobs that several preparations of a method differ in."""
    values: dict[tuple[str, str], dict[str, set[Any]]] = defaultdict(lambda: defaultdict(set))
    for record in records:
        for name, value in record.cell.point.items():
            values[record.cell.task, record.cell.method][name].add(value)
    return {
        method: frozenset(name for name, several in own.items() if len(several) > 1)
        for method, own in values.items()
    }


def _place(cell: Cell, turned: Turned) -> tuple[Any, ...]:
    names = turned.get((cell.task, cell.method), frozenset())
    point = tuple(sorted((name, value) for name, value in cell.point.items() if name in names))
    conditions = tuple(sorted(cell.conditions.items()))
    return cell.task, cell.method, cell.scale, cell.seed, conditions, point

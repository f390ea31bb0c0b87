"""The solving records of a run as one long table: a row a value, with its unit, and joules labelled.

Beside every joule stands what is behind it: `measured`, `counter`, `estimated`. A joule that a
record does not hold is a row all the same: NaN, `unavailable`, and never zero. Records that are not
ok hold no values; `records_frame` has them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from adabench.harness.analysis.operating_points import IDENTITY, order, unit_of
from adabench.harness.contract.card import Card, Point
from adabench.harness.contract.record import Cell
from adabench.harness.store.column import FloatArray, IntArray
from adabench.harness.store.energy_labels import is_energy, label
from adabench.harness.store.table import Table

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("task", "method", "point", "seed", "case", "metric", "value", "unit", "label")
MORE = ("conditions", "scale", "group", "repeat")
"""Columns that stand behind those, and before those of single knobs and conditions."""
ENERGY = "energy_j"
UNAVAILABLE = "unavailable"


def tidy_frame(
    table: Table, manifest: Mapping[str, Any], cards: Mapping[str, Card]
) -> "pd.DataFrame":
    """Return one row a value; `cards` are those of tasks, which know units.

    Behind the columns of the value stand `conditions`, `scale`, `group` and `repeat`, and one
    column a knob (`point.k`) and condition (`conditions.slots`), of a type that can be computed with.
    """
    import pandas as pd

    names = sorted({*table.columns, ENERGY} - {IDENTITY})
    rows, metric, values = _values(table, names, cards)
    cell = table.cell[rows]
    tasks = [known.task for known in table.cells]
    units = _units(names, tasks, cards)
    labels = np.array([_label(name, table, manifest, cards) for name in names], object)[metric]
    absent = np.isnan(values)  # of joules alone: other values that are not there have no row
    columns: dict[str, Any] = {
        "task": _spread(tasks, cell),
        "method": _spread([known.method for known in table.cells], cell),
        "point": _spread([setting_text(known.point) for known in table.cells], cell),
        "seed": table.seed[rows],
        "case": table.case[rows],
        "metric": _spread(names, metric),
        "value": values,
        "unit": units[cell, metric],
        "label": np.where(absent, UNAVAILABLE, labels),
        "conditions": _spread([setting_text(known.conditions) for known in table.cells], cell),
        "scale": _spread([known.scale for known in table.cells], cell),
        "group": _spread(table.groups, table.group[rows]),
        "repeat": table.repeat[rows],
    }
    knobs = {name: pd.Series(own).to_numpy()[cell] for name, own in _settings(table.cells).items()}
    return pd.DataFrame(columns | knobs)


def setting_text(point: Point) -> str:
    """Return an operating point as one text: `slots=100, noise=0.1`."""
    return ", ".join(f"{name}={value}" for name, value in point.items())


def setting_columns(settings: Sequence[Point], kind: str) -> dict[str, list[Any]]:
    """Return a column a knob, None where a method has no such knob."""
    names = sorted({name for point in settings for name in point})
    return {f"{kind}.{name}": [point.get(name) for point in settings] for name in names}


def _settings(cells: Sequence[Cell]) -> dict[str, list[Any]]:
    points, conditions = [cell.point for cell in cells], [cell.conditions for cell in cells]
    return setting_columns(points, "point") | setting_columns(conditions, "conditions")


def _values(
    table: Table, names: Sequence[str], cards: Mapping[str, Card]
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the row, the metric and the number of each value, in the order of readers."""
    rows: list[IntArray] = []
    metrics: list[IntArray] = []
    values: list[FloatArray] = []
    for index, name in enumerate(names):
        column = table.columns.get(name)
        own = np.full(len(table), np.nan) if column is None else column[:]
        wanted = ~np.isnan(own) | _owes(table, name, own, cards)
        rows.append(np.flatnonzero(wanted))
        metrics.append(np.full(len(rows[-1]), index))
        values.append(own[wanted])
    row, metric, value = np.concatenate(rows), np.concatenate(metrics), np.concatenate(values)
    by = np.lexsort((metric, table.repeat[row], table.case[row], _ranks(table)[table.cell[row]]))
    return row[by], metric[by], value[by]


def _ranks(table: Table) -> IntArray:
    """Return the place of each cell in the order of readers: by method, setting and seed."""
    keys = [
        (c.task, c.method, order(c.point), order(c.conditions), c.scale, c.seed)
        for c in table.cells
    ]
    ranks = np.empty(len(keys), np.intp)
    ranks[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return ranks


def _owes(
    table: Table, name: str, own: FloatArray, cards: Mapping[str, Card]
) -> npt.NDArray[np.bool_]:
    """Tell which records should hold a joule: all `energy_j`, others where their task has them."""
    if name == ENERGY:
        return np.ones(len(table), np.bool_)
    held = {table.cells[i].task for i in np.unique(table.cell[~np.isnan(own)]).tolist()}
    owing = {task for task in held if _is_energy(name, task, cards)}
    return np.array([cell.task in owing for cell in table.cells], np.bool_)[table.cell]


def _is_energy(name: str, task: str, cards: Mapping[str, Card]) -> bool:
    return is_energy(name, unit_of(name, cards.get(task, Card(task))))


def _label(name: str, table: Table, manifest: Mapping[str, Any], cards: Mapping[str, Card]) -> str:
    tasks = {cell.task for cell in table.cells}
    energy = is_energy(name) or any(_is_energy(name, task, cards) for task in tasks)
    return label(name, table.kinds, manifest) if energy else ""


def _units(
    names: Sequence[str], tasks: Sequence[str], cards: Mapping[str, Card]
) -> npt.NDArray[Any]:
    """Return the unit of each name in each cell."""
    known = {task: [unit_of(n, cards.get(task, Card(task))) for n in names] for task in set(tasks)}
    return np.array([known[task] for task in tasks], object).reshape(len(tasks), len(names))


def _spread(values: Iterable[Any], index: IntArray) -> npt.NDArray[Any]:
    """Return the value of each row."""
    several = list(values)
    held = np.empty(len(several), object)
    held[:] = several
    return held[index] if len(several) else np.empty(0, object)

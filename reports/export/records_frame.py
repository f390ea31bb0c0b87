"""Flattens records into one table: a row a record, nothing aggregated and nothing filled in.

A value that a record does not hold is NaN, and so is a knob that its method does not have. Beside every energy stands its label.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adabench.harness.contract.record import Record
from adabench.harness.store.energy_labels import is_energy, kinds_of, labels

if TYPE_CHECKING:
    import pandas as pd

IDENTITY = (
    "task",
    "method",
    "scale",
    "seed",
    "key",
    "case",
    "group",
    "repeat",
    "phase",
    "status",
    "note",
)
"""The columns that every record has."""


def records_frame(
    records: Sequence[Record], manifest: Mapping[str, Any] | None = None
) -> "pd.DataFrame":
    """Return one row per record: identity, `conditions.*`, `point.*`, values, labels.

    A value whose name is that of an identity column is found under `values.<name>`. The
    manifest names the instrument of energies whose records do not.
    """
    import pandas as pd

    conditions = _names("conditions.", (record.cell.conditions for record in records))
    points = _names("point.", (record.cell.point for record in records))
    names = sorted({name for record in records for name in record.values})
    values = [_column(name) for name in names]
    kinds = {kind for record in records for kind in kinds_of(record)}
    told = labels([name for name in names if is_energy(name)], kinds, manifest or {})
    rows = [_row(record) | _labels(record, told) for record in records]
    columns = [*IDENTITY, *conditions, *points, *values, *(f"label.{name}" for name in told)]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype(dict.fromkeys(values, "float64"))


def _names(prefix: str, points: Any) -> list[str]:
    return sorted({prefix + name for point in points for name in point})


def _column(name: str) -> str:
    return f"values.{name}" if name in IDENTITY else name


def _labels(record: Record, told: Mapping[str, str]) -> dict[str, str]:
    return {f"label.{name}": label for name, label in told.items() if name in record.values}


def _row(record: Record) -> dict[str, Any]:
    cell = record.cell
    return {
        "task": cell.task,
        "method": cell.method,
        "scale": cell.scale,
        "seed": cell.seed,
        "key": cell.key,
        "case": record.case,
        "group": record.group,
        "repeat": record.repeat,
        "phase": record.phase,
        "status": record.status,
        "note": record.note,
        **{f"conditions.{name}": value for name, value in cell.conditions.items()},
        **{f"point.{name}": value for name, value in cell.point.items()},
        **{_column(name): value for name, value in record.values.items()},
    }

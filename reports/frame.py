"""Records as one flat table, for notebooks and for export.

One row per record, nothing aggregated and nothing filled in: a value that a record does
not hold is NaN, and so is a knob that its method does not have. Zero means that zero was
measured.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adabench.harness.record import Record

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


def records_frame(records: Sequence[Record]) -> "pd.DataFrame":
    """Return one row per record: identity, `conditions.*`, `point.*`, then the values.

    A value whose name is that of an identity column is found under `values.<name>`.
    """
    import pandas as pd

    conditions = _names("conditions.", (record.cell.conditions for record in records))
    points = _names("point.", (record.cell.point for record in records))
    names = sorted({name for record in records for name in record.values})
    values = [_column(name) for name in names]
    rows = [_row(record) for record in records]
    frame = pd.DataFrame(rows, columns=[*IDENTITY, *conditions, *points, *values])
    return frame.astype(dict.fromkeys(values, "float64"))


def _names(prefix: str, points: Any) -> list[str]:
    return sorted({prefix + name for point in points for name in point})


def _column(name: str) -> str:
    return f"values.{name}" if name in IDENTITY else name


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

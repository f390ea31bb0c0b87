"""Writes the cases of a run as Parquet (the extra `parquet`): one row a record that is ok, nothing filled in.

The file holds no time, so the same run gives the same bytes with the same pyarrow.
"""

import importlib.util
import io
from typing import Any

from adabench.harness.store.column import FloatArray
from adabench.harness.store.table import Table


def available() -> bool:
    """Say whether Parquet can be written here."""
    return importlib.util.find_spec("pyarrow") is not None


def cases(own: Table) -> bytes:
    """Return the rows of a table as a Parquet file."""
    import pyarrow
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(_columns(own)), buffer, compression="zstd")
    return buffer.getvalue()


def _columns(own: Table) -> dict[str, Any]:
    """Return identity, knobs, conditions and values by name; what is not there is null."""
    cells = own.cells
    found: dict[str, Any] = {
        name: [getattr(cells[i], name) for i in own.cell.tolist()]
        for name in ("task", "method", "scale", "seed")
    }
    found |= {"case": own.case, "repeat": own.repeat}
    found["group"] = [own.groups[i] for i in own.group.tolist()]
    for kind in ("point", "conditions"):
        for name in sorted({key for cell in cells for key in getattr(cell, kind)}):
            values = [getattr(cell, kind).get(name) for cell in cells]
            found[f"{kind}.{name}"] = _one_type([values[i] for i in own.cell.tolist()])
    return found | {f"values.{name}": _floats(own.columns[name]) for name in sorted(own.columns)}


def _floats(column: FloatArray) -> Any:
    """Return a column as floats, null in the rows of tasks and methods that have no such value."""
    import pyarrow

    # A sliced column is a plain array: pyarrow does not take one that is held narrower.
    return pyarrow.array(column[:], from_pandas=True)


def _one_type(values: list[Any]) -> list[Any]:
    """Return values that a column can hold: as they are, or as text where types are mixed."""
    kinds = {type(value) for value in values if value is not None}
    numbers = kinds <= {int, float}
    if len(kinds) < 2 or numbers:
        return [float(v) if numbers and float in kinds and v is not None else v for v in values]
    return [None if value is None else str(value) for value in values]

"""A frame as the bytes of a file that other programs read: CSV, Parquet, JSON."""

import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from adabench.harness.errors import StoreError, require
from adabench.harness.files.whole_file import write_whole

if TYPE_CHECKING:
    import pandas as pd

Form = Literal["csv", "parquet", "json"]


def table_bytes(frame: "pd.DataFrame", form: Form) -> bytes:
    """Return a frame in one form; numbers keep all their digits, what is not there is empty or null.

    Raises:
        MissingExtra: for Parquet without pyarrow.
    """
    if form == "parquet":
        require("pyarrow", extra="parquet")
        buffer = io.BytesIO()
        frame.to_parquet(buffer, engine="pyarrow", compression="zstd", index=False)
        return buffer.getvalue()
    if form == "csv":
        return str(frame.to_csv(index=False)).encode()
    rows = [{k: _plain(v) for k, v in row.items()} for row in frame.to_dict(orient="records")]
    return json.dumps(rows).encode() + b"\n"


def write_table(path: Path, content: bytes) -> None:
    """Write a table whole or not at all.

    Raises:
        StoreError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as problem:
        raise StoreError(
            f"{path} cannot be written: {problem.strerror}.", "Choose another file with -o FILE."
        ) from problem


def _plain(value: Any) -> Any:
    """Return what JSON can hold."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value

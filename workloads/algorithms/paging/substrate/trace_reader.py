"""Read a user's trace: one page id a line, or one column of a CSV file, plain or gzipped.

Ids may be integers or any strings. If every line is an integer they are read as integers
(so `7` and `007` are one page); otherwise they are compared character by character.
"""

import csv
import difflib
import gzip
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.algorithms.paging.substrate.cache_engine import Pages
from adabench.workloads.algorithms.paging.substrate.traces import FAMILIES, Trace, make_trace

if TYPE_CHECKING:
    import pandas as pd

CSV = re.compile(r"(?P<path>.+\.csv(?:\.gz)?)(?::(?P<column>.+))?", re.IGNORECASE)
LONGEST_SHOWN, MOST_SHOWN = 40, 10
UNREADABLE = (OSError, EOFError, UnicodeDecodeError, ValueError)


def read_trace(spec: str, slots: int, seed: int) -> Trace:
    """Return the trace that `spec` names: `path`, `path.gz`, `path.csv:column`,
    `path.csv.gz:column`.

    Raises:
        SelectionError: if there is no such file or column, or it holds no usable ids.
    """
    found = CSV.fullmatch(spec)
    path = Path(found["path"] if found else spec)
    if not path.is_file():
        raise SelectionError(
            f"No trace is called {spec!r}, and there is no such file.",
            f"{nearest(spec, ('suite', *FAMILIES))} Or give a file with one page id a line.",
        )
    column = _column(path, found["column"]) if found else None
    try:
        pages, n_pages = _number(_read(path, column), path)
    except UNREADABLE as problem:
        raise SelectionError(
            f"{path} cannot be read as a trace: {problem}.",
            "Give one page id a line, or a CSV file and its column as `file.csv:column`.",
        ) from problem
    return make_trace(path.name, pages, n_pages, slots, seed)


def _column(path: Path, column: str | None) -> str:
    """Return the column asked for, or the only one."""
    try:
        opener = gzip.open if path.suffix.lower() == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", errors="surrogateescape") as lines:
            names = next(csv.reader(lines), [])
    except UNREADABLE as problem:
        raise SelectionError(f"{path} cannot be read: {problem}.", "Is it a CSV file?") from problem
    if not names:
        raise SelectionError(f"{path} is empty.", "Give a file with a header and page ids.")
    if column in names:
        return str(column)
    if column is None and len(names) == 1:
        return names[0]
    if column is None:
        raise SelectionError(
            f"{path} has {len(names)} columns, and none was named.",
            f"Write {path}:COLUMN with one of {', '.join(_few(names))}.",
        )
    near = difflib.get_close_matches(column, names, n=3, cutoff=0.5)
    raise SelectionError(
        f"{path} has no column {column[:LONGEST_SHOWN]!r}.", nearest(column, _few(near or names))
    )


def _few(names: Sequence[str]) -> list[str]:
    """Return what an error can show of a file's columns, of which there may be any number."""
    return [name[:LONGEST_SHOWN] for name in names[:MOST_SHOWN]]


def _read(path: Path, column: str | None) -> "pd.Series":
    """Return the raw ids, integers if all of them are."""
    import pandas as pd

    def read(dtype: str) -> "pd.DataFrame":
        return pd.read_csv(
            path,
            header=None if column is None else 0,
            names=["id"] if column is None else None,
            usecols=None if column is None else [column],
            dtype=dtype,
            # A separator that no id holds: a line is an id, commas and spaces included.
            sep="\x1f" if column is None else ",",
            quoting=csv.QUOTE_NONE if column is None else csv.QUOTE_MINIMAL,
            skip_blank_lines=False,
            na_filter=False,
            encoding_errors="surrogateescape",
        )

    try:
        return read("int64").iloc[:, 0]
    except (ValueError, OverflowError):
        return read("object").iloc[
            :, 0
        ]  # pandas' own text may be Arrow's, which refuses surrogates


def _number(ids: "pd.Series", path: Path) -> tuple[Pages, int]:
    """Number the ids by first appearance."""
    import pandas as pd

    if len(ids) == 0:
        raise SelectionError(f"{path} holds no page ids.", "Give one page id a line.")
    if ids.dtype != np.int64:
        blank = np.flatnonzero((ids.str.strip() == "").to_numpy())
        if len(blank):
            raise SelectionError(
                f"Entry {blank[0] + 1} of {path} is blank.",
                "Remove blank lines; every line is one request.",
            )
    codes, unique = pd.factorize(ids)
    return codes.astype(np.int32), len(unique)

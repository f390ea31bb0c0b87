"""Read a user's timestamped edge list, plain or gzipped.

A row is `u v time` or `u v time change`, separated by blanks or by commas; ids are integers
from 0 on, times are numbers, rows may stand in any order. Lines that begin with # or % are
comments, and a header of just these names is skipped. (u, v) and (v, u) are one edge.

    change   1 inserts an edge that is not there, -1 deletes one that is
    without  a row is a *contact*: an edge is there from its first contact until nothing has
             been heard of it for a twentieth of the time that the file spans

Edges that outlast the file are never deleted. What comes out is the order of the updates; how
much time passed between two of them is gone.
"""

import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.algorithms.connectivity.substrate.update_loop import Ints
from adabench.workloads.algorithms.connectivity.substrate.update_streams import (
    FAMILIES,
    Raw,
    Stream,
    make_stream,
)

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("u", "v", "time", "change")
MOST_ROWS = 5_000_000
LATEST = 1e30
LONGEST_SHOWN = 40
"""Characters of a field that an error repeats."""
WINDOW = 1 / 20
"""Of the time that a file spans: a contact says that its edge is there for so long."""
FORMAT = "Give rows `u v time` or `u v time change`, with integer ids from 0 on."
UNREADABLE = (OSError, EOFError, ValueError, OverflowError)


def read_updates(spec: str, seed: int) -> Stream:
    """Return the stream of the file that `spec` names.

    Raises:
        SelectionError: if there is no such file, or it does not hold what it should.
    """
    path = Path(spec)
    if not path.is_file():
        raise SelectionError(
            f"No stream of updates is called {spec!r}, and there is no such file.",
            f"{nearest(spec, ('suite', *FAMILIES))} Or give a timestamped edge list. {FORMAT}",
        )
    try:
        survey = _survey(path)
        table = _table(path, survey)
    except UNREADABLE as problem:
        raise _explained(path, problem) from problem
    ids = table[["u", "v"]].to_numpy().T
    times = table["time"].to_numpy()
    # Not finite, or a span that is not: neither is at most `LATEST`.
    if len(times) != survey.rows or (ids < 0).any() or not (np.abs(times) <= LATEST).all():
        raise _explained(path, ValueError("some rows make no sense"))
    if (ids[0] == ids[1]).any():
        raise _explained(path, ValueError("some edge is a self loop"))
    vertices, ends = np.unique(ids, return_inverse=True)
    ends = np.sort(ends.reshape(ids.shape), axis=0)
    keys = ends[0] * len(vertices) + ends[1]
    if "change" in table:
        opens, edges, row = _changes(path, keys, times, table["change"].to_numpy())
    else:
        opens, edges, row = _contacts(keys, times)
    left, right = (end[row].astype(np.int32) for end in ends)
    raw = Raw(opens.astype(np.uint8), edges.astype(np.int32), left, right, np.zeros_like(left))
    return make_stream(path.name, len(vertices), raw, seed)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield all lines with their numbers; those that hold no row are empty."""
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            text = line.strip()
            hollow = not text or text[0] in "#%" or _is_header(text)
            yield number, "" if hollow else text


def _is_header(text: str) -> bool:
    fields = text.replace(",", " ").lower().split()
    return tuple(fields) in (COLUMNS[:3], COLUMNS)


@dataclass(frozen=True)
class Survey:
    """What a first look at a file tells."""

    rows: int
    columns: int
    """Of the first row."""
    commas: bool
    """Whether the first row separates by them."""
    others: tuple[int, ...]
    """Lines that hold no row, counted from 0."""


def _survey(path: Path) -> Survey:
    """Look through a file once.

    Raises:
        SelectionError: if it has no row, too many, or columns that nothing can be made of.
    """
    rows, first, others = 0, "", []
    for number, text in _lines(path):
        if not text:
            others.append(number - 1)
            continue
        first = first or text
        rows += 1
        if rows > MOST_ROWS:
            raise SelectionError(
                f"{path} holds more than {MOST_ROWS:,} rows.",
                f"That is too many for the scale embedded: head -n {MOST_ROWS} makes it shorter.",
            )
    if rows == 0:
        raise SelectionError(f"{path} holds no updates.", FORMAT)
    columns = len(_fields(first))
    if columns not in (3, 4):
        raise SelectionError(f"{path} has {columns} columns where 3 or 4 belong.", FORMAT)
    return Survey(rows, columns, "," in first, tuple(others))


def _fields(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if "," in text else text.split()


def _table(path: Path, survey: Survey) -> "pd.DataFrame":
    """Read all rows.

    Raises:
        ValueError: if one is not as it should be.
    """
    import pandas as pd

    kinds = dict(zip(COLUMNS, ("int64", "int64", "float64", "int64"), strict=True))
    return pd.read_csv(
        path,
        sep="," if survey.commas else r"\s+",
        header=None,
        names=list(COLUMNS[: survey.columns]),
        dtype=kinds,
        skiprows=list(survey.others),
        skipinitialspace=True,
        index_col=False,
        encoding_errors="replace",
    )


def _explained(path: Path, problem: Exception) -> SelectionError:
    """Find the first row that cannot be read, and say what is wrong with it."""
    try:
        first = ""
        for number, text in _lines(path):
            if text:
                first = first or text
                wrong = _wrong(_fields(text), len(_fields(first)))
                if ("," in text) != ("," in first):
                    wrong = "does not separate its columns as the first row does"
                if wrong:
                    return SelectionError(f"Line {number} of {path} {wrong}.", FORMAT)
    except UNREADABLE as worse:
        problem = worse
    return SelectionError(f"{path} cannot be read as an edge list: {problem}.", FORMAT)


def _wrong(fields: list[str], columns: int) -> str:
    """Say what is wrong with a row; empty if nothing is."""
    if len(fields) != columns:
        return f"has {len(fields)} columns, and the first row has {columns}"
    for name, text in zip(COLUMNS, fields, strict=False):
        shown = text[:LONGEST_SHOWN]
        try:
            value = float(text.replace("_", "?"))  # Python reads 1_0, pandas does not
        except ValueError:
            return f"has {shown!r} as its {name}, which is no number"
        if not math.isfinite(value):
            return f"has {shown!r} as its {name}, which is not finite"
        if name == "time" and abs(value) > LATEST:
            return f"has the time {shown}, which is beyond all clocks"
        if name != "time" and not value.is_integer():
            return f"has {shown!r} as its {name}, which is no integer"
        if name in ("u", "v") and value < 0:
            return f"has the negative id {shown}"
        if name in ("u", "v") and value >= 2**63:
            return f"has the id {shown}, which is too large"
    if float(fields[0]) == float(fields[1]):
        return f"joins {fields[0][:LONGEST_SHOWN]} to itself; leave self loops out"
    if columns == 4 and float(fields[3]) not in (1, -1):
        return f"has the change {fields[3][:LONGEST_SHOWN]}, which is neither 1 nor -1"
    return ""


def _contacts(keys: Ints, times: NDArray[np.float64]) -> tuple[NDArray[np.bool_], Ints, Ints]:
    """Turn contacts into updates: signs, edges and a row of the file for each."""
    window = float(np.ptp(times)) * WINDOW
    order = np.lexsort((times, keys))
    key, time = keys[order], times[order]
    fresh = np.ones(len(key), np.bool_)
    fresh[1:] = (key[1:] != key[:-1]) | (time[1:] - time[:-1] > window)
    starts = np.flatnonzero(fresh)
    last = np.append(starts[1:], len(key)) - 1
    gone = time[last] + window
    dies = gone < times.max()
    rows = order[starts]
    return _in_order(
        np.concatenate([time[starts], gone[dies]]),
        np.concatenate([np.ones(len(starts), np.bool_), np.zeros(int(dies.sum()), np.bool_)]),
        np.concatenate([np.arange(len(starts)), np.flatnonzero(dies)]),
        np.concatenate([rows, rows[dies]]),
    )


def _changes(
    path: Path, keys: Ints, times: NDArray[np.float64], change: Ints
) -> tuple[NDArray[np.bool_], Ints, Ints]:
    """Turn insertions and deletions into updates.

    Raises:
        SelectionError: if an edge is inserted or deleted twice in a row.
    """
    order = np.lexsort((times, keys))
    key, sign = keys[order], change[order]
    same = np.zeros(len(key), np.bool_)
    same[1:] = key[1:] == key[:-1]
    expected = np.ones(len(key), np.int64)
    expected[1:] = np.where(same[1:], -sign[:-1], 1)
    wrong = np.flatnonzero(sign != expected)
    if not np.isin(sign, (1, -1)).all():
        raise _explained(path, ValueError("a change is neither 1 nor -1"))
    if len(wrong):
        row = int(order[wrong[0]])
        does = (
            "inserts an edge that is there"
            if sign[wrong[0]] == 1
            else "deletes an edge that is not there"
        )
        raise SelectionError(
            f"Row {row + 1} of {path} {does} at time {times[row]:g}.",
            "In order of time, the changes of an edge must alternate: 1, -1, 1, ...",
        )
    numbered = np.cumsum(sign == 1) - 1
    return _in_order(times[order], sign == 1, numbered, order)


def _in_order(
    times: NDArray[np.float64], opens: NDArray[np.bool_], edges: Ints, rows: Ints
) -> tuple[NDArray[np.bool_], Ints, Ints]:
    """Sort updates by time, deletions first, and number the edges in order of insertion."""
    order = np.lexsort((rows, opens, times))
    opens, edges, rows = opens[order], edges[order], rows[order]
    number = np.empty(int(opens.sum()), np.int64)
    number[edges[opens]] = np.arange(len(number))
    return opens, number[edges], rows

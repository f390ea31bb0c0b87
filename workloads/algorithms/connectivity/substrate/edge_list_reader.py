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
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path

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

COLUMNS = ("u", "v", "time", "change")
MOST_ROWS = 5_000_000
LATEST = 1e30
LONGEST_SHOWN = 40
"""Characters of a field that an error repeats."""
WINDOW = 1 / 20
"""Of the time that a file spans: a contact says that its edge is there for so long."""
FORMAT = "Give rows `u v time` or `u v time change`, with integer ids from 0 on."
UNREADABLE = (OSError, EOFError, UnicodeDecodeError, zlib.error)


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
        ids, times, change = _columns(path)
    except UNREADABLE as problem:
        raise SelectionError(
            f"{path} cannot be read as an edge list: {problem}.", FORMAT
        ) from problem
    vertices, ends = np.unique(ids, return_inverse=True)
    ends = np.sort(ends.reshape(ids.shape), axis=0)
    keys = ends[0] * len(vertices) + ends[1]
    if len(change):
        opens, edges, row = _changes(path, keys, times, change)
    else:
        opens, edges, row = _contacts(keys, times)
    left, right = (end[row].astype(np.int32) for end in ends)
    raw = Raw(opens.astype(np.uint8), edges.astype(np.int32), left, right, np.zeros_like(left))
    return make_stream(path.name, len(vertices), raw, seed)


def _columns(path: Path) -> tuple[Ints, NDArray[np.float64], NDArray[np.int8]]:
    """Return ids (2, rows), times (rows,) and changes (rows,), of which contacts have none.

    Raises:
        SelectionError: naming the first row that is not as it should be.
    """
    ids, times, changes = array("q"), array("d"), array("b")
    columns, commas = 0, False
    for number, text in _rows(path):
        fields = text.split("," if "," in text else None)
        if not columns:
            columns, commas = len(fields), "," in text
        if columns not in (3, 4):
            raise SelectionError(f"{path} has {columns} columns where 3 or 4 belong.", FORMAT)
        if len(times) == MOST_ROWS:
            raise SelectionError(
                f"{path} holds more than {MOST_ROWS:,} rows.",
                f"That is too many for the scale embedded: head -n {MOST_ROWS} makes it shorter.",
            )
        try:
            if ("," in text) != commas:
                raise ValueError("does not separate its columns as the first row does")
            if len(fields) != columns:
                raise ValueError(f"has {len(fields)} columns, and the first row has {columns}")
            u, v, time, *change = map(_value, COLUMNS, fields)
            if u == v:
                raise ValueError(f"joins {fields[0]} to itself; leave self loops out")
        except ValueError as problem:
            raise SelectionError(f"Line {number} of {path} {problem}.", FORMAT) from None
        ids.extend((int(u), int(v)))
        times.append(time)
        changes.extend(map(int, change))
    if not times:
        raise SelectionError(f"{path} holds no updates.", FORMAT)
    pairs = np.frombuffer(ids, np.int64).reshape(-1, 2).T
    return pairs, np.frombuffer(times), np.frombuffer(changes, np.int8)


def _rows(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that hold a row, with their numbers."""
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            text = line.strip()
            names = tuple(text.replace(",", " ").lower().split())
            if text and text[0] not in "#%" and names not in (COLUMNS[:3], COLUMNS):
                yield number, text


def _value(name: str, text: str) -> float:
    """Read a field.

    Raises:
        ValueError: saying what is wrong with it.
    """
    shown = text.strip()[:LONGEST_SHOWN]
    try:
        value = float(text.replace("_", "?"))  # Python reads 1_0
    except ValueError:
        raise ValueError(f"has {shown!r} as its {name}, which is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"has {shown!r} as its {name}, which is not finite")
    if name == "time":
        if abs(value) > LATEST:
            raise ValueError(f"has the time {shown}, which is beyond all clocks")
        return value
    try:
        whole = int(text)
    except ValueError:
        raise ValueError(f"has {shown!r} as its {name}, which is no integer") from None
    if name == "change" and whole not in (1, -1):
        raise ValueError(f"has the change {shown}, which is neither 1 nor -1")
    if name != "change" and whole < 0:
        raise ValueError(f"has the negative id {shown}")
    if whole >= 2**63:
        raise ValueError(f"has the id {shown}, which is too large")
    return whole


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
    path: Path, keys: Ints, times: NDArray[np.float64], change: NDArray[np.int8]
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

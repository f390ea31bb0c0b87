"""From the lines of a journal to sorted rows, a block of lines at a time.

No object a record is kept: what a block holds becomes short arrays at once, in the narrowest
type that holds them, and these become columns when the last line is in. What is few
(preparations, failures) stays a record.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from adabench.harness.contract.record import Cell, Record, Unit
from adabench.harness.store.column import FloatArray, Index, IntArray, column, join_pieces, narrow
from adabench.harness.store.energy_labels import Kind, kinds_behind
from adabench.harness.store.journal import Declarations, Line, Names


class SortedFields(NamedTuple):
    """The fields of a `Table`, in its order."""

    cells: tuple[Cell, ...]
    cell: IntArray
    case: IntArray
    repeat: IntArray
    groups: tuple[str, ...]
    group: IntArray
    columns: Mapping[str, FloatArray]
    notes: tuple[str, ...]
    note: IntArray
    others: tuple[Record, ...]
    kinds: frozenset[Kind]
    trained: Mapping[str, Mapping[str, str]]


@dataclass
class Rows:
    """What has been read so far; rows stand in the order of arrival."""

    known: Declarations
    keys: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=lambda: {"": 0})
    heads: list[npt.NDArray[Any]] = field(default_factory=list)
    """(m, 6) pieces: cell, case, repeat, group, note, line."""
    pieces: dict[str, list[tuple[int, npt.NDArray[Any]]]] = field(default_factory=dict)
    """Of each column the values that follow each other from a row on."""
    count: int = 0
    others: list[tuple[int, Record]] = field(default_factory=list)
    kinds: set[Kind] = field(default_factory=set)

    def take(self, numbers: Sequence[int], block: list[Line]) -> None:
        """Take in lines in their order, each with its number.

        Raises:
            KeyError, TypeError, ValueError: if a line is neither record nor declaration.
        """
        begin = 0
        for i in [i for i, line in enumerate(block) if "v" not in line]:
            if "trained" in block[i]:
                continue
            self._records(numbers[begin:i], block[begin:i])
            self.known.declare(block[i])
            begin = i + 1
        self._records(numbers[begin:], block[begin:] if begin else block)

    def _records(self, numbers: Sequence[int], lines: list[Line]) -> None:
        """Take in records under one set of declarations, and what was trained for which of them."""
        few = [i for i, line in enumerate(lines) if "v" not in line or "p" in line or "s" in line]
        for i in few:  # in their order: a cell may have been trained anew in between
            if "v" in lines[i]:
                self.others.append((numbers[i], self.known.record(lines[i])))
            else:
                self.known.declare(lines[i])
        for line in lines:
            if "e" in line:
                task, names = self.known.cells[line["k"]].task, self.known.names[line["n"]]
                self.kinds.update(kinds_behind(task, names, line["e"]))
        apart = frozenset(few)
        places = [i for i in range(len(lines)) if i not in apart] if few else range(len(lines))
        for key in {lines[i]["n"] for i in places}:
            own = [i for i in places if lines[i]["n"] == key]
            held = lines if len(own) == len(lines) else [lines[i] for i in own]
            self._rows(self.known.names[key], np.asarray(numbers)[own], held)

    def _rows(self, names: Names, numbers: IntArray, lines: list[Line]) -> None:
        """Take in rows that hold the same names."""
        held = [line["v"] for line in lines]
        if set(map(len, held)) != {len(names)}:
            raise ValueError("A line does not have a value for each name.")
        if {type(line["c"]) for line in lines} | {type(line.get("r", 0)) for line in lines} != {
            int
        }:
            raise TypeError("A case or a repeat is no whole number.")
        flat = np.fromiter(chain.from_iterable(held), np.float64, len(held) * len(names))
        if not np.isfinite(flat).all():
            raise ValueError("A value is not finite.")
        for name, values in zip(names, flat.reshape(len(held), len(names)).T, strict=True):
            pieces = self.pieces.setdefault(name, [])
            pieces.append((self.count, narrow(values, pieces[-1][1] if pieces else None)))
        head = np.stack([
            _coded(self.keys, [line["k"] for line in lines]),
            np.array([line["c"] for line in lines], np.intp),
            np.array([line.get("r", 0) for line in lines], np.intp),
            _coded(self.groups, [line.get("g", "") for line in lines]),
            _coded(self.notes, [line.get("t", "") for line in lines]),
            numbers,
        ])  # fmt: skip
        small = np.abs(head).max(initial=0) < 2**31
        self.heads.append(head.astype(np.int32) if small else head)
        if not self.keys.keys() <= self.known.cells.keys():
            raise KeyError(
                "A record names a configuration that neither the plan nor a line before holds."
            )
        self.count += len(lines)

    def sorted(self) -> SortedFields:
        """Return everything that was taken in, one row a unit; nothing stays behind."""
        head = np.hstack(self.heads) if self.heads else np.zeros((6, 0), np.intp)
        self.heads.clear()
        cells, cell = _ranked(self.keys, head[0])
        groups, group = _ranked(self.groups, head[3])
        rows = np.lexsort((head[5], head[2], head[1], cell))
        unit = np.stack([cell[rows], head[1][rows], head[2][rows]]).astype(np.intp)
        last = np.append((np.diff(unit) != 0).any(axis=0), True)[: len(rows)]
        rows, unit = rows[last], unit[:, last]
        columns = self._columns(rows)
        return SortedFields(
            tuple(self.known.cells[key] for key in cells),
            unit[0],
            unit[1],
            unit[2],
            groups,
            group[rows].astype(np.intp),
            columns,
            tuple(self.notes),
            head[4][rows].astype(np.intp),
            tuple(self._not_made_up_for(cells, unit)),
            frozenset(self.kinds),
            dict(sorted(self.known.trained.items())),
        )

    def _columns(self, rows: IntArray) -> dict[str, FloatArray]:
        """Return every column, for rows in the order of the table; pieces go on the way."""
        found: dict[str, FloatArray] = {}
        known: dict[tuple[tuple[int, int], ...], tuple[IntArray, Index]] = {}
        for name in sorted(self.pieces):
            pieces = self.pieces.pop(name)
            where = tuple((start, len(values)) for start, values in pieces)
            if where not in known:
                known[where] = self._index(where, rows)
            order, index = known[where]
            found[name] = column(join_pieces([values for _, values in pieces])[order], index)
        return found

    def _index(self, where: tuple[tuple[int, int], ...], rows: IntArray) -> tuple[IntArray, Index]:
        """Say which values from some arrivals on the rows hold, and where each row finds its own."""
        at, held = np.full(self.count, -1), 0
        for start, size in where:
            at[start : start + size] = np.arange(held, held + size)
            held += size
        order = at[rows]
        has = order >= 0
        index = None if has.all() else np.where(has, np.cumsum(has) - 1, -1).astype(np.int32)
        return order[has], index

    def _not_made_up_for(self, cells: tuple[str, ...], unit: IntArray) -> Iterator[Record]:
        """Yield the last word on each unit that is no row, an ok one if there is one."""
        latest: dict[Unit, Record] = {}
        for _, record in sorted(self.others, key=lambda item: item[0]):
            known = latest.get(record.unit)
            if known is None or known.status != "ok" or record.status == "ok":
                latest[record.unit] = record
        place = {key: i for i, key in enumerate(cells)}
        for record in latest.values():
            own = place.get(record.cell.key, -1)
            low, high = np.searchsorted(unit[0], [own, own + 1])
            same = (unit[1, low:high] == record.case) & (unit[2, low:high] == record.repeat)
            if record.phase != "solve" or own < 0 or not same.any():
                yield record


def _coded(codes: dict[str, int], words: list[str]) -> IntArray:
    """Return the numbers of words; those that are new get the next.

    Raises:
        TypeError: if one is no text.
    """
    new = set(words).difference(codes)
    if not all(type(word) is str for word in new):
        raise TypeError("A key, a group or a note is no text.")
    for word in sorted(new):
        codes[word] = len(codes)
    return np.fromiter(map(codes.__getitem__, words), np.intp, len(words))


def _ranked(codes: Mapping[str, int], column: IntArray) -> tuple[tuple[str, ...], IntArray]:
    """Return the words sorted, and a column of their numbers by that order."""
    words = tuple(sorted(codes))
    rank = np.empty(len(words), np.intp)
    rank[[codes[word] for word in words]] = np.arange(len(words))
    return words, rank[column] if len(words) else column

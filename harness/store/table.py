"""The records of a run as columns: what statistics read, without an object a record.

A `Table` holds the records of solving that ended well, one row each, sorted by cell, case and
repeat; of a unit that was recorded twice the last ok one counts. A column has NaN where a
record does not hold the value (a recorded value is always finite). What is few stays a
record: preparations, failures, skips.

`read` parses a journal a block at a time. Of a long one it keeps what it found beside it,
as raw arrays (`table.cache`), under the journal's size and SHA-256: a run is read once. The
file is only ever a copy; it may be deleted, and where it can't be written it is not.
"""

import gc
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import fsum, isnan
from pathlib import Path
from statistics import median
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from adabench.harness.contract.record import Cell, Record, record_from_json
from adabench.harness.errors import StoreError
from adabench.harness.store import derived_files, journal, packed_run, run_folder
from adabench.harness.store.column import Column, FloatArray, IntArray, column
from adabench.harness.store.energy_labels import Kind
from adabench.harness.store.journal import WRONG, Declarations, Line, Names
from adabench.harness.store.journal_reader import JournalReader
from adabench.harness.store.row_parser import Rows

TIMED = ("_s", "_j", "_bytes")
CACHE = "table.cache"
FORMAT = 4
KEPT_FROM = run_folder.KEPT_FROM


@dataclass(frozen=True, eq=False)
class Table:
    """Records of solving that are ok, column by column, and what else a run recorded."""

    cells: tuple[Cell, ...]
    """The distinct cells of the rows, sorted by key."""
    cell: IntArray
    """(n,) index into `cells`."""
    case: IntArray
    repeat: IntArray
    groups: tuple[str, ...]
    """Sorted, so that an index orders as its group does."""
    group: IntArray
    """(n,) index into `groups`."""
    columns: Mapping[str, FloatArray]
    notes: tuple[str, ...] = ("",)
    note: IntArray = field(default_factory=lambda: np.zeros(0, np.intp))
    """(n,) index into `notes`."""
    others: tuple[Record, ...] = ()
    """Preparations, and solving that is not ok and was not made up for."""
    kinds: frozenset[Kind] = frozenset()
    """Of all records that say where their joules come from."""
    trained: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By the key of a cell: the trained artefacts that its method used, with their digests."""
    damage: tuple[str, ...] = ()
    """What of the journal is damaged and is not in the table, in sentences."""

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.cell)

    @property
    def total(self) -> int:
        """The number of records, those that are no rows included."""
        return len(self) + len(self.others)

    @cached_property
    def all_cells(self) -> tuple[Cell, ...]:
        """The distinct cells of all records, those of `others` included."""
        found = {cell.key: cell for cell in self.cells}
        found |= {record.cell.key: record.cell for record in self.others}
        return tuple(found[key] for key in sorted(found))

    @cached_property
    def seed(self) -> IntArray:
        """(n,) the seed of each row."""
        return np.array([cell.seed for cell in self.cells], np.intp)[self.cell]

    @cached_property
    def bounds(self) -> IntArray:
        """The rows of cell i are those from `bounds[i]` to `bounds[i + 1]`."""
        return np.searchsorted(self.cell, np.arange(len(self.cells) + 1))

    def collapsed(self) -> "Table":
        """Return the table with the repeats of each case of a cell collapsed into one row.

        To the median for timings, energies and bytes, to the mean for everything else.
        """
        new = np.ones(len(self), np.bool_)
        new[1:] = (np.diff(self.cell) != 0) | (np.diff(self.case) != 0)
        start = np.flatnonzero(new)
        if len(start) == len(self):
            return replace(self, repeat=np.zeros_like(self.repeat))
        sizes = np.diff(np.append(start, len(self)))
        return replace(
            self,
            cell=self.cell[start],
            case=self.case[start],
            repeat=np.zeros_like(start),
            group=np.minimum.reduceat(self.group, start),
            note=self.note[start],
            columns={n: _collapsed(n, x[:], start, sizes) for n, x in self.columns.items()},
        )


def _collapsed(name: str, column: FloatArray, start: IntArray, sizes: IntArray) -> FloatArray:
    """Collapse each stretch of a column; what is the same in all repeats stays as it is."""
    low, high = (extreme.reduceat(column, start) for extreme in (np.fmin, np.fmax))
    found = np.where(low == high, low, np.nan)
    open_ = low < high
    for size in np.unique(sizes[open_]):
        here = np.flatnonzero(open_ & (sizes == size))
        found[here] = _middle(name, column[start[here][:, None] + np.arange(size)])
    return np.asarray(found, np.float64)


def _middle(name: str, repeats: FloatArray) -> FloatArray | list[float]:
    """Return the median or mean of each row of (m, repeats); NaN stands for no value."""
    timed = name.endswith(TIMED)
    if timed and not np.isnan(repeats).any():
        return np.asarray(np.median(repeats, axis=1), np.float64)
    held = ([value for value in row if not isnan(value)] for row in repeats.tolist())
    return [median(row) if timed else fsum(row) / len(row) for row in held]


def from_records(records: Iterable[Record]) -> Table:
    """Return the table of records: the last word on each unit, an ok one if there is one."""
    rows, names, lines = Rows(Declarations({})), dict[Names, int](), list[Line]()
    trained: dict[str, Mapping[str, str]] = {}
    for record in records:
        rows.known.cells.setdefault(record.cell.key, record.cell)
        lines += journal.lines(record, names, rows.known.cells, trained)
    rows.take(range(len(lines)), lines)
    return Table(*rows.sorted())


def read(folder: Path, sha256: str = "") -> Table:
    """Return the table of a run; `sha256` is that of its records, if it is known already.

    Raises:
        StoreError: if it is not a run, or a line other than a cut last one is not a record.
    """
    path = folder / run_folder.RECORDS
    run_folder.require_records(folder)
    reader, manifest = run_folder.open_reader(folder)
    size = packed_run.size_bytes(path)
    if size < KEPT_FROM:
        return _parsed(reader, manifest)
    sha256 = sha256 or run_folder.digest(folder)
    made_of = {"format": FORMAT, "size": size, "sha256": sha256}
    copy = derived_files.load(folder / CACHE, made_of)
    if copy is not None:
        return _from_kept(*copy)
    found = _parsed(reader, manifest)
    # A run that is still going on has no copy, nor has a damaged one.
    if packed_run.size_bytes(path) == size and not found.damage:
        _keep(folder / CACHE, made_of, found)
        run_folder.keep_finished(folder, reader, manifest, sha256)
    return found


def _parsed(reader: JournalReader, manifest: Mapping[str, Any]) -> Table:
    rows = Rows(Declarations(dict(reader.cells)))
    collecting = gc.isenabled()
    gc.disable()  # millions of lists and dicts come and go, none of them in a cycle
    try:
        for numbers, block in reader.blocks():
            try:
                rows.take(numbers, block)
            except WRONG as broken:
                raise _first_damaged(reader) from broken
    finally:
        if collecting:
            gc.enable()
    damage = run_folder.warn_of_damage(reader, manifest)
    return Table(*rows.sorted(), damage=damage)


def _first_damaged(reader: JournalReader) -> StoreError:
    """Find the line that does not fit: what is read at once does not say which one it was."""
    try:
        deque(JournalReader(reader.path, reader.cells, reader.schema).records(), maxlen=0)
    except StoreError as found:
        return found
    return StoreError(f"{reader.path} holds values that are no numbers.")


def _from_kept(header: Mapping[str, Any], arrays: list[npt.NDArray[Any]]) -> Table:
    """Rebuild a table from its copy; whole numbers are kept half as wide."""
    cell, case, repeat, group, note = (numbers.astype(np.intp) for numbers in arrays[:5])
    return Table(
        tuple(Cell(**data) for data in header["cells"]),
        cell,
        case,
        repeat,
        tuple(header["groups"]),
        group,
        _kept_columns(header, arrays[5:]),
        tuple(header["notes"]),
        note,
        tuple(record_from_json(data) for data in header["others"]),
        frozenset((task, name, kind) for task, name, kind in header["kinds"]),
        header["trained"],
    )


def _kept_columns(
    header: Mapping[str, Any], arrays: list[npt.NDArray[Any]]
) -> dict[str, FloatArray]:
    indices, values = arrays[: header["indices"]], arrays[header["indices"] :]
    return {
        name: column(own, None if at < 0 else indices[at])
        for (name, at), own in zip(header["columns"], values, strict=True)
    }


def _keep(path: Path, made_of: Mapping[str, Any], table: Table) -> None:
    header: dict[str, Any] = {
        "cells": [cell.to_json() for cell in table.cells],
        "groups": table.groups,
        "notes": table.notes,
        "others": [record.to_json() for record in table.others],
        "kinds": sorted(table.kinds),
        "trained": {key: dict(own) for key, own in table.trained.items()},
    }
    whole = (table.cell, table.case, table.repeat, table.group, table.note)
    slim = [x.astype(np.int32) if x.max(initial=0) < 2**31 else x for x in whole]
    columns = cast(Mapping[str, Column], table.columns)
    indices = {id(x.index): x.index for x in columns.values() if x.index is not None}
    places = {key: i for i, key in enumerate(indices)}
    header["columns"] = [[name, places.get(id(x.index), -1)] for name, x in columns.items()]
    header["indices"] = len(indices)
    values = (x.values for x in columns.values())
    derived_files.save(path, made_of, header, [*slim, *indices.values(), *values])

"""A journal opened for appending, by one process alone: whole lines, and turns that end.

A line is written with one `write`, and rolled back if that fails half-way (a full disk). The end of
a turn is brought to the disk before anything else is done. Cases that are counted only share a line,
which is written when it is full, or what comes next does not belong into it.
"""

import fcntl
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from adabench.harness.contract.record import Cell, Record
from adabench.harness.errors import StoreError
from adabench.harness.store import checksum, journal
from adabench.harness.store.journal_reader import JournalReader
from adabench.harness.store.turn_ends import Name, TurnEnds

_sync = getattr(os, "fdatasync", os.fsync)
"""The size and the data, and not the times of the file; not every system has it."""
LINE_CASES = 50
"""So many counted cases share a line, and a line begins at each multiple of it."""


class JournalWriter:
    """Appends records and the ends of turns; the lock is held until it is closed."""

    def __init__(
        self,
        path: Path,
        cells: dict[str, Cell],
        counted: frozenset[Name] = frozenset(),
        *,
        synced: bool = True,
    ) -> None:
        """Lock a journal, which is made where there is none; `counted` turns share lines.

        Raises:
            StoreError: if another process writes it, or it cannot be written.
        """
        self.path = path
        self.ends = TurnEnds()
        self._names: dict[journal.Names, int] = {}
        self._cells = cells
        self._trained: dict[str, Mapping[str, str]] = {}
        self._counted = counted
        self._together: list[Record] = []
        """Counted cases that will share the next line."""
        self._again: list[bytes] = []
        """Declarations that the end of the turn repeats."""
        self._synced = synced
        self._descriptor = _open_append(path)

    def take_up(self, reader: JournalReader) -> None:
        """Go on where a reading of the whole journal ended."""
        self.ends = reader.ends
        self._names = {names: number for number, names in reader.sets.items()}
        self._names |= {("", f"lost {number}"): number for number in reader.lost_sets}
        self._cells |= reader.declared
        self._trained |= reader.trained
        said: list[journal.Line] = [
            {"n": number, "names": list(names)} for number, names in reader.sets.items()
        ]
        said += [{"k": key, "cell": cell.to_json()} for key, cell in reader.declared.items()]
        said += [{"k": key, "trained": own} for key, own in reader.trained.items()]
        self._again = [checksum.sealed(line) for line in said]

    def append(self, record: Record) -> None:
        """Write one record, unless its turn holds it already, word for word; a counted one may wait.

        Raises:
            StoreError: if it could not be written whole.
        """
        plain = record.status == "ok" and record.phase == "solve" and not record.note
        if plain and (record.cell.key, record.repeat) in self._counted:
            if self._together and not _follows(self._together[-1], record):
                self.flush()
            self._together.append(record)
        else:
            self.flush()
            self._append([record])

    def flush(self) -> None:
        """Write the counted cases that wait for more.

        Raises:
            StoreError: if they could not be written whole.
        """
        together, self._together = self._together, []
        if together:
            self._append(together)

    def _append(self, records: Sequence[Record]) -> None:
        """Write a record, or those of consecutive cases in one line."""
        for line in journal.column_lines(records, self._names, self._cells, self._trained):
            text = checksum.sealed(line)
            if "v" not in line:
                self._write(text + b"\n")
                self._again.append(text)
            elif not self.ends.holds(line, checksum.value(text)):
                self._write(text + b"\n")
                self.ends.take(line, checksum.value(text))

    def end(self, name: Name) -> None:
        """Write that a turn has ended, unless that is said already, and bring it to the disk.

        Raises:
            StoreError: if it could not be written.
        """
        self.flush()
        account = self.ends.account(name)
        if account.ended:
            return
        line = self.ends.line(name)
        self._write(b"".join(text + b"\n" for text in (*self._again, checksum.sealed(line))))
        self._again.clear()
        self.ends.end(0, line)
        if self._synced:
            self._bring_to_disk()

    def size_bytes(self) -> int:
        """Return the size of the file, as far as it is written."""
        return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Bring everything to the disk, and let the file go, and with it the lock."""
        try:
            self.flush()
            self._bring_to_disk()
        finally:
            os.close(self._descriptor)

    def _bring_to_disk(self) -> None:
        try:
            _sync(self._descriptor)
        except OSError as problem:
            raise self._unwritten(problem) from problem

    def _write(self, data: bytes) -> None:
        """Write whole lines, or nothing."""
        size = self.size_bytes()
        try:
            written = os.write(self._descriptor, data)
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError as problem:
            os.ftruncate(self._descriptor, size)
            raise self._unwritten(problem) from problem

    def _unwritten(self, problem: OSError) -> StoreError:
        folder = self.path.parent
        return StoreError(
            f"{folder} could not be written: {problem.strerror}. "
            "What was recorded before is intact.",
            f"Make room, then go on with: adabench run --resume {folder}",
        )


def _follows(last: Record, record: Record) -> bool:
    """Tell whether a counted case may share a line with the one before."""
    return (
        (record.cell.key, record.repeat) == (last.cell.key, last.repeat)
        and record.case == last.case + 1
        and record.case % LINE_CASES > 0
        and record.values.keys() == last.values.keys()
        and record.trained == last.trained
    )


def _open_append(path: Path) -> int:
    """Open for appending, alone: two writers would interleave their turns."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError as problem:
        raise StoreError(
            f"{path} cannot be written: {problem.strerror}.",
            "Check the permissions, or copy the run to a folder you may write to.",
        ) from problem
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as busy:
        os.close(descriptor)
        raise StoreError(
            f"{path.parent} is being written by another process.", "Wait until it has ended."
        ) from busy
    return descriptor

"""A run on disk: a manifest written once, and records appended one line at a time.

    runs/<time>-<name>/
        run.json        command, plan, environment, sources, instruments, schema number
        records.jsonl   one line a measured case (`harness/store/journal.py`), one `write` a line
        turns.done      one line for every finished turn, so that resuming need not reload it
        workers.json    of a run that was fanned out: what its workers are
        errors/         tracebacks
        log.txt         everything at level DEBUG
        *.cache         copies of what was computed from the records, of long runs only

A crash can cut the last line; it is ignored with a warning, and dropped before the run is
taken up again. A write that fails half-way (a full disk) is rolled back, so that whatever
was recorded before stays readable. Only raw values are stored.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from adabench.harness.contract.record import Cell, Record, Turn, Unit
from adabench.harness.errors import SelectionError, StoreError
from adabench.harness.store import journal, packed_run

log = logging.getLogger(__name__)

SCHEMA = 2
READABLE = (1, 2)
RECORDS = "records.jsonl"
MANIFEST = "run.json"
FINDINGS = "findings.json"
"""Packed, beside a packed manifest: what is left of a run whose records were not kept."""
TURNS = "turns.done"
LOG = "log.txt"


class Run:
    """A run folder opened for appending. Use `create` or `resume`, as a context manager."""

    def __init__(self, folder: Path, turns: tuple[Turn, ...]) -> None:
        self.folder = folder
        self.turns = turns
        self.done: set[Unit] = set()
        """What need not be run again: preparations, the cases of turns that remained on opening,
        and all that was appended since."""
        self._names: dict[journal.Names, int] = {}
        self._cells = {turn.cell.key: turn.cell for turn in turns}
        self._last: Record | None = None
        self._spotless = True
        self._new = False
        self._records = _open_append(folder / RECORDS)
        self._finished = _open_append(folder / TURNS)

    @property
    def remaining(self) -> tuple[Turn, ...]:
        """The turns that are not recorded as finished."""
        text = (self.folder / TURNS).read_text(encoding="utf-8")
        finished = {line for line in text.splitlines() if line}
        return tuple(turn for turn in self.turns if _turn_name(turn) not in finished)

    def append(self, record: Record) -> None:
        """Store one record; when it returns, a kill of this process cannot lose it.

        Raises:
            StoreError: if the line could not be written whole (it is then rolled back).
        """
        if record.phase == "solve":  # a preparation may serve several turns
            self._close_turn(record)
            self._last = record
            self._spotless &= record.status in ("ok", "skipped")
        if record.status == "ok":
            self.done.add(record.unit)
        if "\n" in record.note:
            record = self._file_traceback(record)
        for line in journal.lines(record, self._names, self._cells):
            self._write(self._records, json.dumps(line, separators=(",", ":"), allow_nan=False))

    def _close_turn(self, record: Record | None) -> None:
        """Note a turn as finished once a record of another one arrives."""
        last = self._last
        if last is None or (record and _turn_of(last) == _turn_of(record)):
            return
        if self._spotless:
            self._write(self._finished, _turn_name(_turn_of(last)))
        self._spotless = True

    def _file_traceback(self, record: Record) -> Record:
        first, _, rest = record.note.partition("\n")
        name = f"{record.cell.key}-{record.phase}-{record.case}-{record.repeat}.txt"
        try:
            (self.folder / "errors").mkdir(exist_ok=True)
            (self.folder / "errors" / name).write_text(rest + "\n", encoding="utf-8")
        except OSError as problem:
            log.warning("The traceback could not be filed: %s", problem)
        return replace(record, note=first)

    def _write(self, descriptor: int, line: str) -> None:
        """Write one whole line, or nothing."""
        data = line.encode() + b"\n"
        size = os.fstat(descriptor).st_size
        try:
            written = os.write(descriptor, data)
            while written < len(data):
                written += os.write(descriptor, data[written:])
        except OSError as problem:
            os.ftruncate(descriptor, size)
            raise StoreError(
                f"{self.folder} could not be written: {problem.strerror}. "
                "What was recorded before is intact.",
                f"Make room, then go on with: adabench run --resume {self.folder}",
            ) from problem

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._close_turn(None)
        empty = os.fstat(self._records).st_size == 0
        self.close()
        if self._new and empty and isinstance(problem, SelectionError):
            self._withdraw()

    def _withdraw(self) -> None:
        """Take back a run that was refused before anything was recorded (a file it cannot read)."""
        for name in (MANIFEST, RECORDS, TURNS, LOG):
            (self.folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something of the user's is in it
            self.folder.rmdir()

    def close(self) -> None:
        """Let the files go, and with them the lock."""
        for descriptor in (self._records, self._finished):
            os.close(descriptor)


def create(folder: Path, turns: Iterable[Turn], manifest: Mapping[str, Any]) -> Run:
    """Start a new run.

    Raises:
        StoreError: if the folder holds a run already or cannot be written.
    """
    turns = tuple(turns)
    cells = {turn.cell.key: turn.cell.to_json() for turn in turns}
    order = [[turn.cell.key, turn.repeat] for turn in turns]
    whole = {"schema": SCHEMA, **manifest, "plan": {"cells": cells, "turns": order}}
    if packed_run.is_packed(folder / MANIFEST):
        raise StoreError(f"{folder} holds a packed run already.", "Choose another --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        run = Run(folder, turns)  # locked from here on
    except OSError as problem:
        raise _unwritable(folder, problem) from problem
    try:
        if (folder / MANIFEST).exists() and (folder / RECORDS).stat().st_size:
            raise StoreError(
                f"{folder} holds a run already.",
                f"Go on with it (adabench run --resume {folder}) or choose another --out.",
            )
        _write_manifest(folder, whole)
        run._new = True
    except StoreError:
        run.close()
        raise
    except OSError as problem:
        run.close()
        raise _unwritable(folder, problem) from problem
    return run


def _unwritable(folder: Path, problem: OSError) -> StoreError:
    return StoreError(
        f"{folder} cannot be written: {problem.strerror}.",
        "Choose a folder you may write to with --out DIR.",
    )


def resume(folder: Path) -> Run:
    """Open a run to go on with it: drop a cut last line, see what is done of what remains.

    A run of which nothing remains is not read.

    Raises:
        StoreError: if it is not a run, is packed, cannot be written, or is being written right now.
    """
    require_records(folder)
    if packed_run.is_packed(folder / RECORDS):
        raise StoreError(
            f"{folder} is a packed run, which can only be read.",
            f"Unpack a copy of it first: gunzip {folder}/*.gz.",
        )
    run = Run(folder, read_plan(read_manifest(folder)))
    for name in (RECORDS, TURNS):
        _drop_cut_line(folder / name)
    remaining = {turn.cell.key for turn in run.remaining}
    if remaining:
        run.done = _done(folder / RECORDS, remaining)
    return run


def _done(path: Path, keys: Collection[str]) -> set[Unit]:
    """Return the units that are ok, of some cells or of preparing."""
    found = set()
    for _, block in journal.blocks(path):
        for line in block:
            if "values" in line and line["status"] == "ok":  # schema 1
                cell = Cell(**line["cell"])
                found.add(Unit(cell.key, line["phase"], line["case"], line["repeat"]))
            elif "v" in line and "s" not in line and (line["k"] in keys or "p" in line):
                found.add(Unit(line["k"], line.get("p", "solve"), line["c"], line.get("r", 0)))
    return found


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return `run.json`.

    Raises:
        StoreError: if there is none, or it is from another schema.
    """
    try:
        manifest: dict[str, Any] = json.loads(packed_run.read_bytes(folder / MANIFEST))
    except FileNotFoundError as missing:
        raise StoreError(
            f"{folder} is not a run: it has no {MANIFEST}.",
            "Runs are the folders that `adabench run` prints, by default under runs/.",
        ) from missing
    except (*packed_run.UNREADABLE, ValueError) as broken:
        raise StoreError(f"{folder / MANIFEST} cannot be read: {broken}") from broken
    if not isinstance(manifest, dict) or not {"schema", "plan"} <= manifest.keys():
        raise StoreError(f"{folder / MANIFEST} is not the manifest of a run.")
    if manifest["schema"] not in READABLE:
        raise StoreError(
            f"{folder} has schema {manifest['schema']}, this adabench reads up to {SCHEMA}.",
            "Read it with the version that wrote it (run.json names it).",
        )
    return manifest


def read_plan(manifest: Mapping[str, Any]) -> tuple[Turn, ...]:
    """Return the turns that a manifest lays out."""
    cells = {key: Cell(**data) for key, data in manifest["plan"]["cells"].items()}
    return tuple(Turn(cells[key], repeat) for key, repeat in manifest["plan"]["turns"])


def has_only_findings(folder: Path) -> bool:
    """Say whether a folder holds what was found in a run and not its records."""
    return packed_run.is_packed(folder / FINDINGS) and not (
        (folder / RECORDS).exists() or packed_run.is_packed(folder / RECORDS)
    )


def require_records(folder: Path) -> None:
    """Refuse a folder that holds findings alone.

    Raises:
        StoreError: if it does.
    """
    if has_only_findings(folder):
        words = read_manifest(folder)["command"]
        command = words[: words.index("--out")] if "--out" in words else words
        raise StoreError(
            f"{folder} holds the findings of a run without its records, which this needs.",
            f"Make them anew: {shlex.join(map(str, command))}",
        )


def records(folder: Path) -> list[Record]:
    """Return the records of a run: the last word on each unit, an ok one if there is one.

    Raises:
        StoreError: if a line other than a cut last one is not a record.
    """
    require_records(folder)
    path = folder / RECORDS
    cells = {turn.cell.key: turn.cell for turn in read_plan(read_manifest(folder))}
    latest: dict[Unit, Record] = {}
    for record in journal.records(path, cells):
        known = latest.get(record.unit)
        if known is None or known.status != "ok" or record.status == "ok":
            latest[record.unit] = record
    return list(latest.values())


def run_name(now: datetime, selection: Iterable[str]) -> str:
    """Return the default name of a run folder: its time and what it runs."""
    words = "-".join(sorted({part.split("/")[0].strip("*") or "all" for part in selection}))
    return f"{now:%Y%m%d-%H%M%S}-{words or 'tour'}"


def digest(folder: Path) -> str:
    """Return a SHA-256 of the records, for reports to name what they were drawn from.

    Raises:
        StoreError: if they cannot be read.
    """
    try:
        with packed_run.open_file(folder / RECORDS) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except packed_run.UNREADABLE as problem:
        raise StoreError(
            f"{folder / RECORDS} cannot be read: {packed_run.reason(problem)}."
        ) from problem


def amend_manifest(folder: Path, **keys: Any) -> None:
    """Add what was not known when the run was created; for who holds the run's lock.

    Raises:
        StoreError: if it cannot be read or written.
    """
    manifest = read_manifest(folder)
    try:
        _write_manifest(folder, {**manifest, **keys})
    except OSError as problem:
        raise _unwritable(folder, problem) from problem


def _write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write through a temporary name, so that a manifest is there whole or not at all."""
    temporary = folder / f"{MANIFEST}.new"
    try:
        temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        temporary.replace(folder / MANIFEST)
    finally:
        temporary.unlink(missing_ok=True)


def _open_append(path: Path) -> int:
    """Open for appending, alone: two writers would interleave their turns."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as busy:
        raise StoreError(
            f"{path.parent} is being written by another process.", "Wait until it has ended."
        ) from busy
    except OSError as problem:
        raise StoreError(
            f"{path} cannot be written: {problem.strerror}.",
            "Check the permissions, or copy the run to a folder you may write to.",
        ) from problem
    return descriptor


def _drop_cut_line(path: Path) -> None:
    with path.open("rb") as file:
        end = size = file.seek(0, os.SEEK_END)
        tail = b""
        while end and b"\n" not in tail:
            start = max(end - 65_536, 0)
            file.seek(start)
            tail, end = file.read(end - start), start
    whole = end + tail.rfind(b"\n") + 1
    if whole < size:
        log.warning("%s ends in a cut line (a crash?), which is dropped.", path)
        os.truncate(path, whole)


def _turn_of(record: Record) -> Turn:
    return Turn(record.cell, record.repeat)


def _turn_name(turn: Turn) -> str:
    return f"{turn.cell.key} {turn.repeat}"

"""A run on disk: a manifest written once, and records appended one line at a time.

    runs/<time>-<name>/
        run.json        command, plan, environment, sources, instruments, schema number; sealed
        records.jsonl   one line a measured case, and one a turn that ended (`journal.py`)
        workers.json    of a run that was fanned out: what its workers are
        errors/         tracebacks
        log.txt         everything at level DEBUG
        *.cache         copies of what was computed from the records, of long runs only

Which turns are finished is read from the records (`turn_ends.py`), and nothing else says so.
A crash can cut the last line; it is ignored with a warning, and dropped before the run is
taken up again. Lines that are damaged are named and left out, and the turns that lack them run
again. Only raw values are stored.
"""

import contextlib
import hashlib
import logging
import shlex
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from adabench.harness.contract.earlier_options import command_today
from adabench.harness.contract.record import Cell, Record, Turn, Unit
from adabench.harness.errors import SelectionError, StoreError
from adabench.harness.files import scratch_folder, whole_file
from adabench.harness.store import derived_files, packed_run
from adabench.harness.store import manifest as run_json
from adabench.harness.store.journal_reader import SCHEMA, JournalReader, drop_cut_line
from adabench.harness.store.journal_writer import JournalWriter

log = logging.getLogger(__name__)

# What callers read of a run folder they find here, whichever file it is of.
MANIFEST = run_json.MANIFEST
read_manifest = run_json.read_manifest
read_plan = run_json.read_plan
RECORDS = "records.jsonl"
FINDINGS = "findings.json"
"""Packed, beside a packed manifest: what is left of a run whose records were not kept."""
LOG = "log.txt"
OLD_TURNS = "turns.done"
"""Of schema 2: a line for each finished turn."""
FINISHED = "turns.cache"
"""Of a long run: that every turn of its plan is finished."""
KEPT_FROM = 8_000_000
"""Bytes of records from which copies of what they hold are kept: below it parsing takes no time."""


class Run:
    """A run folder opened for appending. Use `create` or `resume`, as a context manager."""

    def __init__(self, folder: Path, turns: tuple[Turn, ...], *, synced: bool = True) -> None:
        self.folder = folder
        self.turns = turns
        self.done: set[Unit] = set()
        """What need not be run again: preparations, the cases of turns that remained on opening,
        and all that was appended since."""
        cells = {turn.cell.key: turn.cell for turn in turns}
        self._last: Turn | None = None
        self._new = False
        self._unread = False
        """The journal was not read on opening, because nothing remains of it."""
        counted = frozenset((turn.cell.key, turn.repeat) for turn in turns if turn.counts)
        self._journal = JournalWriter(folder / RECORDS, cells, counted, synced=synced)
        whole_file.sweep(folder)
        scratch_folder.sweep()

    @property
    def remaining(self) -> tuple[Turn, ...]:
        """The turns that are not recorded as finished."""
        if self._unread:
            return ()
        finished = self._journal.ends.finished
        return tuple(turn for turn in self.turns if not finished(turn))

    def append(self, record: Record) -> None:
        """Store one record; when it returns, a kill of this process cannot lose it.

        Cases that are counted share lines; those whose line is not full yet are counted again after
        a kill. A record that its turn holds already, word for word, is not stored again.

        Raises:
            StoreError: if the line could not be written whole (it is then rolled back).
        """
        self._take_up()
        if record.phase == "solve":  # a preparation may serve several turns
            turn = Turn(record.cell, record.repeat)
            if self._last is not None and self._last != turn:
                self.end_turn(self._last)
            self._last = turn
        if record.status == "ok":
            self.done.add(record.unit)
        if "\n" in record.note:
            record = self._file_traceback(record)
        self._journal.append(record)

    def end_turn(self, turn: Turn) -> None:
        """Record that a turn has ended; when it returns, a power cut cannot lose it.

        Raises:
            StoreError: if that could not be written.
        """
        self._take_up()
        self._journal.end((turn.cell.key, turn.repeat))

    def to_the_end(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records of all that remains, and then end every turn that has records."""
        yield from records
        self._journal.flush()
        accounts = self._journal.ends.accounts
        for turn in self.remaining:
            account = accounts.get((turn.cell.key, turn.repeat))
            if account is not None and account.held:
                self.end_turn(turn)

    def _take_up(self) -> None:
        """Read the journal, where it was not read on opening."""
        if self._unread:
            self._unread = False
            _read_whole(self, read_manifest(self.folder))

    def _file_traceback(self, record: Record) -> Record:
        first, _, rest = record.note.partition("\n")
        name = f"{record.cell.key}-{record.phase}-{record.case}-{record.repeat}.txt"
        try:
            (self.folder / "errors").mkdir(exist_ok=True)
            text = (rest + "\n").encode(errors="backslashreplace")
            (self.folder / "errors" / name).write_bytes(text)
        except OSError as problem:
            log.warning("The traceback could not be filed: %s", problem)
        return replace(record, note=first)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._journal.flush()
            if kind is None and self._last is not None:
                self.end_turn(self._last)
            empty = self._journal.size_bytes() == 0
        finally:
            self.close()
        if self._new and empty and isinstance(problem, SelectionError):
            self._withdraw()

    def _withdraw(self) -> None:
        """Take back a run that was refused before anything was recorded (a file it cannot read)."""
        for name in (MANIFEST, RECORDS, LOG):
            (self.folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something of the user's is in it
            self.folder.rmdir()

    def close(self) -> None:
        """Let the journal go, and with it the lock."""
        self._journal.close()


def create(
    folder: Path, turns: Iterable[Turn], manifest: Mapping[str, Any], *, synced: bool = True
) -> Run:
    """Start a new run; one that is not `synced` waits for the disk when it is closed only.

    Raises:
        StoreError: if the folder holds a run or anything else, or cannot be written.
    """
    turns = tuple(turns)
    whole = {"schema": SCHEMA, **manifest, "plan": run_json.plan_of(turns)}
    try:
        run_json.refuse_occupied(folder)
        folder.mkdir(parents=True, exist_ok=True)
        run = Run(folder, turns, synced=synced)  # locked from here on
    except OSError as problem:
        raise _unwritable(folder, problem) from problem
    try:
        if (folder / MANIFEST).exists() and (folder / RECORDS).stat().st_size:
            raise StoreError(
                f"{folder} holds a run already.",
                f"Go on with it (adabench run --resume {folder}) or choose another --out.",
            )
        run_json.write_manifest(folder, whole)
    except StoreError:
        run.close()
        raise
    except OSError as problem:
        run.close()
        raise _unwritable(folder, problem) from problem
    run._new = True
    return run


def _unwritable(folder: Path, problem: OSError) -> StoreError:
    return StoreError(
        f"{folder} cannot be written: {problem.strerror}.",
        "Choose a folder you may write to with --out DIR.",
    )


def resume(folder: Path) -> Run:
    """Open a run to go on with it: drop a cut last line, see what is done of what remains.

    A long run of which nothing remains is not read.

    Raises:
        StoreError: if it can only be read, cannot be written, or is being written right now.
    """
    manifest = require_open(folder)
    run = Run(folder, read_plan(manifest))
    try:
        drop_cut_line(folder / RECORDS)
        run._unread = _is_finished(folder)
        if not run._unread:
            _read_whole(run, manifest)
    except BaseException:
        run.close()
        raise
    return run


def require_open(folder: Path) -> dict[str, Any]:
    """Return the manifest of a run that can be added to; others raise a `StoreError`."""
    require_records(folder)
    if packed_run.is_packed(folder / RECORDS):
        raise StoreError(
            f"{folder} is a packed run, which can only be read.",
            f"Unpack a copy of it first: gunzip {folder}/*.gz.",
        )
    manifest = read_manifest(folder)
    if manifest["schema"] != SCHEMA:
        raise StoreError(
            f"{folder} was recorded in schema {manifest['schema']}, which can only be read: what "
            "this adabench measures would not be comparable.",
            "Start a new run; run.json has the command.",
        )
    return manifest


def _read_whole(run: Run, manifest: Mapping[str, Any]) -> None:
    """Read a journal that is opened for appending."""
    reader = _reader(run.folder, manifest)
    deque(reader.blocks(), maxlen=0)
    warn_of_damage(reader, manifest)
    run._journal.take_up(reader)
    run.done |= reader.ends.done({turn.cell.key for turn in run.remaining})


def remaining(folder: Path) -> tuple[Turn, ...]:
    """Return the turns of a run that are not recorded as finished, whatever its schema.

    Raises:
        StoreError: if it is not a run, or cannot be read.
    """
    require_records(folder)
    reader, manifest = open_reader(folder)
    turns = read_plan(manifest)
    if manifest["schema"] == SCHEMA:
        deque(reader.blocks(), maxlen=0)
        return tuple(turn for turn in turns if not reader.ends.finished(turn))
    try:
        text = (folder / OLD_TURNS).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return turns
    except OSError as problem:
        raise StoreError(f"{folder / OLD_TURNS} cannot be read: {problem.strerror}.") from problem
    finished = set(text.splitlines())
    return tuple(turn for turn in turns if f"{turn.cell.key} {turn.repeat}" not in finished)


def open_reader(folder: Path) -> tuple[JournalReader, dict[str, Any]]:
    """Return a reader of a run's journal, and the run's manifest.

    Raises:
        StoreError: if it is not a run.
    """
    manifest = read_manifest(folder)
    return _reader(folder, manifest), manifest


def _reader(folder: Path, manifest: Mapping[str, Any]) -> JournalReader:
    try:
        cells = {key: Cell(**data) for key, data in manifest["plan"]["cells"].items()}
    except TypeError as broken:
        raise StoreError(f"The plan of {folder} is damaged: {broken}.") from broken
    return JournalReader(folder / RECORDS, cells, manifest["schema"])


def warn_of_damage(reader: JournalReader, manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what of a journal that was read is damaged, and return it in sentences."""
    found = reader.damage()
    if found:
        found = reader.damage(read_plan(manifest))
    for sentence in found:
        log.warning("%s", sentence)
    return found


def keep_finished(
    folder: Path, reader: JournalReader, manifest: Mapping[str, Any], sha256: str
) -> None:
    """Keep that a run is finished, so that it need not be read again for that."""
    if manifest["schema"] == SCHEMA and all(map(reader.ends.finished, read_plan(manifest))):
        derived_files.save(folder / FINISHED, _finished_of(folder, sha256), {})


def _is_finished(folder: Path) -> bool:
    """Say whether a run is known to be finished as it is now."""
    if not (folder / FINISHED).exists():
        return False
    made_of = _finished_of(folder, digest(folder))
    return derived_files.load(folder / FINISHED, made_of) is not None


def _finished_of(folder: Path, sha256: str) -> dict[str, Any]:
    manifest = packed_run.read_bytes(folder / MANIFEST)
    return {"records": sha256, "manifest": hashlib.sha256(manifest).hexdigest()}


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
        words = command_today(read_manifest(folder).get("command", []))
        command = words[: words.index("--out")] if "--out" in words else words
        raise StoreError(
            f"{folder} holds the findings of a run without its records, which this needs.",
            f"Make them anew: {shlex.join(command)}",
        )


def records(folder: Path) -> list[Record]:
    """Return the records of a run: the last word on each unit, an ok one if there is one.

    Raises:
        StoreError: if it is not a run, or a line of it is not a record.
    """
    require_records(folder)
    reader, manifest = open_reader(folder)
    latest: dict[Unit, Record] = {}
    for record in reader.records():
        known = latest.get(record.unit)
        if known is None or known.status != "ok" or record.status == "ok":
            latest[record.unit] = record
    warn_of_damage(reader, manifest)
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
    found = read_manifest(folder)
    try:
        run_json.write_manifest(folder, {**found, **keys})
    except OSError as problem:
        raise _unwritable(folder, problem) from problem

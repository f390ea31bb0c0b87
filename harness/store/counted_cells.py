"""Counted cells on disk: the next run, report or paper that needs a cell's counts takes them.

Nothing of a count depends on the clock, so a cell is keyed by everything else that it can depend on: the
code of its task and method with all that these import, what all methods run on, the data beside them,
its point and conditions with the files these name, scale and seed; and Python, libraries and processor,
which round. What stands there was really run, by this code, on a machine of this kind.

A file is the journal of one turn (`journal.py`): its preparation, its cases, its end line, each with a
checksum. One that is damaged, or lacks a case, does not exist. Only whole turns are stored, all of whose
cases are ok, and none on a model that the run names: nobody knows what stands under that name tomorrow.
"""

import hashlib
import importlib.metadata
import json
import logging
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import StoreError
from adabench.harness.provenance import environment, source_digests
from adabench.harness.store import prepared_states
from adabench.harness.store.journal_reader import JournalReader
from adabench.harness.store.journal_writer import JournalWriter
from adabench.profilers.hardware.fingerprint import fingerprint as hardware
from adabench.profilers.hardware.host import HERE

log = logging.getLogger(__name__)

LIBRARIES = (
    "numpy", "scipy", "numba", "torch", "transformers", "scikit-learn", "highspy", "pyscipopt", "alns",
    "mabwiser", "networkx", "networkit", "pandas",
)  # fmt: skip
"""Their versions may change what a method counts."""
FOREIGN = frozenset(("model", "judge", "draft"))
"""Conditions that name weights, or a server, which may be others the next time under the same name."""


@dataclass
class CountedCells:
    """The folder of cells; keys of what many cells share are made once."""

    folder: Path
    _base: str = ""
    _sources: dict[str, str] = field(default_factory=dict)

    def load(self, turn: Turn, task: Entry, method: Entry) -> list[Record]:
        """Return the records of a turn, its preparation first; none if it was not counted whole."""
        path = self._path(turn.cell, task, method)
        if not is_storable(turn.cell) or not path.exists():
            return []
        reader = JournalReader(path, {turn.cell.key: turn.cell})
        try:
            records = list(reader.records())
        except StoreError as broken:
            log.warning("Leaving out counts that cannot be read (%s).", broken)
            return []
        if reader.damage() or not reader.ends.finished(Turn(turn.cell, 0)):
            return []
        log.info(
            "The counts of %s at seed %d are those of %s.", method.address, turn.cell.seed, path
        )
        return [
            replace(one, repeat=turn.repeat) if one.phase == "solve" else one for one in records
        ]

    def save(self, turn: Turn, task: Entry, method: Entry, records: Sequence[Record]) -> None:
        """Store the records of a whole turn; what cannot be stored is only logged."""
        if not is_storable(turn.cell):
            return
        path = self._path(turn.cell, task, method)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        name = turn.cell.key, 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            writer = JournalWriter(
                temporary, {name[0]: turn.cell}, frozenset({name}), synced=False
            )  # fmt: skip
            try:
                for record in records:
                    writer.append(replace(record, repeat=0))
                writer.end(name)
            finally:
                writer.close()
            temporary.replace(path)
        except (OSError, StoreError) as problem:
            log.info("The counts of %s are not stored: %s", turn.cell.address, problem)
            temporary.unlink(missing_ok=True)

    def _path(self, cell: Cell, task: Entry, method: Entry) -> Path:
        if method.address not in self._sources:
            self._sources[method.address] = _sources_digest(task, method)
        self._base = self._base or f"{source_digests.base_digest()}\n{_surroundings()}"
        files = [
            environment.source_digest([path])
            for path in source_digests.named_files(cell.conditions)
        ]
        text = json.dumps(cell.to_json(), sort_keys=True)
        whole = "\n".join((text, self._base, self._sources[method.address], *files))
        key = hashlib.sha256(whole.encode()).hexdigest()[:32]
        return self.folder / key[:2] / f"{key[2:]}.jsonl"


def is_storable(cell: Cell) -> bool:
    """Tell a cell whose key covers all that it depends on: no weights that the run names, and no server."""
    return cell.scale != "gpu" and not FOREIGN & cell.conditions.keys()


def counted_cells(cache_folder: Path | None) -> CountedCells | None:
    """Return the cells of a cache folder; None where nothing is to be cached."""
    return None if cache_folder is None else CountedCells(cache_folder / "counts")


def _sources_digest(task: Entry, method: Entry) -> str:
    """Return a digest of what a method and its task are and read, whatever its cell."""
    return prepared_states.key(Cell(task.name, method.name, {}, {}, "", 0), task, method)


def _surroundings() -> str:
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{name} is not here")
    return "\n".join((sys.version, str(hardware(HERE).cpu_model), *versions))

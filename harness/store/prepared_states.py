"""Prepared states on disk: a training is paid for once.

A state is keyed by everything it can depend on: the code of its task and method with all that
these import, the data beside it, the knobs turned at `prepare`, the conditions, the scale and the
seed. What its preparation cost is stored with it, so that a cached state still reports its true
price.
A cache that cannot be written is no error: the state is then prepared again next time.

A state may refer to its task (most do: that is where `solve` counts). The task is not stored
with it; the reference is bound to the live task on loading, so that counts go where they are
read.
"""

import hashlib
import json
import logging
import os
import pickle
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from adabench.harness.contract.record import Cell
from adabench.harness.contract.registry import Entry
from adabench.harness.provenance.source_digests import (
    data_files,
    named_digest,
    named_files,
    own,
    sources_of,
)

log = logging.getLogger(__name__)

# What unpickling can raise when the file is damaged or was written by other code.
_UNREADABLE = (
    OSError,
    EOFError,
    AttributeError,
    ImportError,
    ValueError,
    TypeError,
    LookupError,
    pickle.UnpicklingError,
)


@dataclass(frozen=True)
class PreparedState:
    """A state and what preparing it cost when it really ran."""

    state: Any
    values: Mapping[str, float]
    energy: tuple[Mapping[str, Any], ...] = ()


def default_folder() -> Path:
    """Return where prepared states live: `$ADABENCH_CACHE`, else the user's cache folder."""
    chosen = os.environ.get("ADABENCH_CACHE")
    if chosen:
        return Path(chosen)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "adabench"


def key(cell: Cell, task: Entry, method: Entry) -> str:
    """Return the key of the state that `cell` needs; its point holds prepare-knobs only."""
    text = json.dumps(cell.to_json(), sort_keys=True)
    sources = sources_of(task, method)
    digest = hashlib.sha256(f"{text}\n{named_digest(sources)}".encode())
    folder = [task.path.parent] if "." in task.module else []
    for path in (*data_files(own(sources), folder), *sorted(named_files(cell.conditions))):
        stat = path.stat()
        digest.update(_content(path, stat.st_mtime_ns, stat.st_size))
    return digest.hexdigest()[:32]


@cache
def _content(path: Path, mtime_ns: int, size: int) -> bytes:
    """Digest a file once for each of its states."""
    return hashlib.sha256(path.name.encode() + path.read_bytes()).digest()


class _Pickler(pickle.Pickler):
    def __init__(self, file: IO[bytes], task: object) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.task = task

    def persistent_id(self, obj: object) -> str | None:
        return "task" if obj is self.task else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes], task: object) -> None:
        super().__init__(file)
        self.task = task

    def persistent_load(self, pid: object) -> object:
        return self.task


def load(folder: Path, name: str, task: object) -> PreparedState | None:
    """Return a stored state bound to `task`, or None; a damaged one is dropped with a warning."""
    try:
        with (folder / f"{name}.pickle").open("rb") as file:
            found = _Unpickler(file, task).load()
    except FileNotFoundError:
        return None
    except _UNREADABLE as broken:
        log.warning("Dropping a prepared state that cannot be read (%s).", broken)
        return None
    return found if isinstance(found, PreparedState) else None


def save(folder: Path, name: str, prepared: PreparedState, task: object) -> None:
    """Store a state atomically, without its task; one that cannot be stored is only logged."""
    temporary = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            temporary = Path(file.name)
            _Pickler(file, task).dump(prepared)
        temporary.replace(folder / f"{name}.pickle")
    except (OSError, AttributeError, TypeError, pickle.PicklingError) as problem:
        log.info("The prepared state is not cached: %s", problem)
        if temporary is not None:
            temporary.unlink(missing_ok=True)

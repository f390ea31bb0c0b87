"""Prepared states on disk: a training is paid for once.

A state is keyed by everything it can depend on: the sources of its task folder and method
file, the knobs turned at `prepare`, the conditions, the scale and the seed. What its
preparation cost is stored with it, so that a cached state still reports its true price.
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
class Prepared:
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
    digest = hashlib.sha256(json.dumps(cell.to_json(), sort_keys=True).encode())
    folder = task.path.parent
    sources = [path for path in folder.rglob("*.py") if not _is_sibling_method(path, task)]
    shared = _workloads(folder).glob("shared/**/*.py")
    shipped = folder.glob("checkpoints/*")
    for path in sorted({*sources, method.path, *shared, *shipped, *named_files(cell)}):
        stat = path.stat()
        digest.update(_content(path, stat.st_mtime_ns, stat.st_size))
    return digest.hexdigest()[:32]


def _workloads(folder: Path) -> Path:
    """Return the folder of all families, from that of a task."""
    return folder.parent if (folder.parent / "shared").is_dir() else folder.parent.parent


def named_files(cell: Cell) -> list[Path]:
    """Return the files that a cell's conditions name: `requests.csv.gz:url` is one."""
    words = [value for value in cell.conditions.values() if isinstance(value, str)]
    paths = [Path(part) for word in words for part in (word, word.rpartition(":")[0]) if part]
    return [path for path in paths if path.is_file()]


@cache
def _content(path: Path, mtime_ns: int, size: int) -> bytes:
    """Digest a file once for each of its states."""
    return hashlib.sha256(path.name.encode() + path.read_bytes()).digest()


def _is_sibling_method(path: Path, task: Entry) -> bool:
    """Methods do not import each other, so another method's edit keeps our states."""
    return path != task.path and b"\nCARD" in path.read_bytes()


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


def load(folder: Path, name: str, task: object) -> Prepared | None:
    """Return a stored state bound to `task`, or None; a damaged one is dropped with a warning."""
    try:
        with (folder / f"{name}.pickle").open("rb") as file:
            found = _Unpickler(file, task).load()
    except FileNotFoundError:
        return None
    except _UNREADABLE as broken:
        log.warning("Dropping a prepared state that cannot be read (%s).", broken)
        return None
    return found if isinstance(found, Prepared) else None


def save(folder: Path, name: str, prepared: Prepared, task: object) -> None:
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

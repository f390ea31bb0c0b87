"""Prepared states on disk: a training is paid for once.

A state is keyed by everything it can depend on: the code of its task and method with all that
these import, the data beside it, the knobs turned at `prepare`, the conditions, the scale and the
seed. What its preparation cost is stored with it, so that a cached state still reports its true
price. A cache that cannot be written is no error: the state is then prepared again next time.

A file holds plain data behind their digest, so reading one runs no code of whoever wrote it, and a
damaged one does not exist. A method says what of its state is worth storing, and how to go on:

    def pack(state): ...                     -> plain data: arrays, numbers, text
    def unpack(task, point, data): ...       -> the state, bound to the live task

One that has no such functions is prepared anew in each process.
"""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from adabench.harness.contract import plain_data
from adabench.harness.contract.card import Point
from adabench.harness.contract.plain_data import PlainDataError
from adabench.harness.contract.record import Cell
from adabench.harness.contract.registry import Entry
from adabench.harness.files import whole_file
from adabench.harness.provenance.source_digests import (
    data_files,
    named_digest,
    named_files,
    own,
    sibling_checkpoints,
    sources_of,
)

log = logging.getLogger(__name__)

DIGEST_BYTES = 32
"""SHA-256 of what follows it in a file."""


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


def cached_checkpoints(folder: Path) -> Path:
    """Return where checkpoints of the task in a folder lie that were trained and are not shipped."""
    return default_folder() / "checkpoints" / folder.name


def key(cell: Cell, task: Entry, method: Entry) -> str:
    """Return the key of the state that `cell` needs; its point holds prepare-knobs only."""
    text = json.dumps(cell.to_json(), sort_keys=True)
    sources = sources_of(task, method)
    digest = hashlib.sha256(f"{text}\n{named_digest(sources)}".encode())
    folders = [task.path.parent] if "." in task.module else []
    homes = {source.path.parent for source in own(sources)}
    siblings = sibling_checkpoints(own(sources))
    folders += [*siblings, *map(cached_checkpoints, {*homes, *(one.parent for one in siblings)})]
    for path in (*data_files(own(sources), folders), *sorted(named_files(cell.conditions))):
        stat = path.stat()
        digest.update(_content(path, stat.st_mtime_ns, stat.st_size))
    return digest.hexdigest()[:32]


@cache
def _content(path: Path, mtime_ns: int, size: int) -> bytes:
    """Digest a file once for each of its states."""
    return hashlib.sha256(path.name.encode() + path.read_bytes()).digest()


def file_name(name: str) -> str:
    """Return what the file of a state is called."""
    return f"{name}.state"


def load(path: Path | int | None, method: Any, task: Any, point: Point) -> PreparedState | None:
    """Return a stored state bound to `task`, or None; a damaged one is left out with a warning.

    It lies in a file, or in one that is open already.
    """
    if path is None or not hasattr(method, "unpack"):
        return None
    try:
        with open(path, "rb", closefd=not isinstance(path, int)) as file:
            whole = file.read()
        digest, data = whole[:DIGEST_BYTES], whole[DIGEST_BYTES:]
        if hashlib.sha256(data).digest() != digest:
            raise PlainDataError("its digest is that of something else")
        held = plain_data.decode(data)
        state = method.unpack(task, point, held["state"])
        energy = tuple(dict(said) for said in held["energy"])
        return PreparedState(state, {k: float(v) for k, v in held["values"].items()}, energy)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as broken:
        log.warning("Leaving out a prepared state that cannot be read (%s).", broken)
        return None


def save(path: Path | None, method: Any, prepared: PreparedState) -> None:
    """Store a state atomically; one that cannot be stored is only logged."""
    data = None if path is None else packed(method, prepared)
    if path is None or data is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole_file.sweep(path.parent)
        whole_file.write_whole(path, data)
    except OSError as problem:
        log.info("The prepared state is not cached: %s", problem)


def packed(method: Any, prepared: PreparedState) -> bytes | None:
    """Return what the file of a state holds; None for a method that stores none, or nothing plain."""
    if not hasattr(method, "pack"):
        return None
    try:
        energy = [dict(said) for said in prepared.energy]
        held = {"state": method.pack(prepared.state), "values": dict(prepared.values)}
        data = plain_data.encode({**held, "energy": energy}, place="the prepared state")
    except PlainDataError as problem:
        log.info("The prepared state is not cached: %s", problem)
        return None
    return hashlib.sha256(data).digest() + data

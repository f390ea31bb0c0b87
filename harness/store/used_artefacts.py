"""Which trained artefacts the method of this process uses: noted as they are handed out.

A reader of checkpoints says `note(name, path)` each time that it hands one out, outside of any cache of
its own. The process of a method forgets what was noted before, and reports names and digests with
each record, so that statistics know which seeds share a training. Digesting stays out of every
measured region, and is done once a file and process.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

DIGITS = 16
"""Of a digest that a record holds."""
_noted: dict[str, Path] = {}


def note(name: str, path: Path) -> None:
    """Note that an artefact was handed out."""
    _noted[name] = path


def forget() -> None:
    """Begin anew."""
    _noted.clear()


def digests() -> dict[str, str]:
    """Return what was noted since the last `forget`: names, and digests of the files.

    A file that is no longer there has no digest and is left out.
    """
    return {name: _digest(path) for name, path in sorted(_noted.items()) if path.is_file()}


def _digest(path: Path) -> str:
    status = path.stat()
    return _read(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _read(path: Path, size_bytes: int, changed_ns: int) -> str:
    """Digest a file once for each of its states."""
    del size_bytes, changed_ns
    with path.open("rb") as file:  # a piece at a time: memory is the method's
        return hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]

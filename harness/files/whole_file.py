"""A file that is there whole or not at all, whatever happens while it is written.

It is written under a temporary name beside its own, `.adabench-*.new`, brought to the disk, and
renamed. Whoever writes holds a lock on the temporary file. One that nobody holds was left by a
process that was killed: `sweep` takes such files away.
"""

import contextlib
import fcntl
import filecmp
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

PREFIX, SUFFIX = ".adabench-", ".new"


@contextlib.contextmanager
def open_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing (and reading back) that takes the place of `path` at the end.

    Raises:
        OSError: if it cannot be written; nothing is left then, and `path` is as it was.
    """
    temporary = path.with_name(f"{PREFIX}{secrets.token_hex(6)}{SUFFIX}")
    try:
        with temporary.open("x+b") as file:
            _lock(file.fileno())
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):  # the folder may not be ours to write to
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    with open_whole(path) as file:
        file.write(content)


def copy_whole(files: Sequence[Path], folder: Path) -> None:
    """Copy files into a folder, each whole, in their order; the last one says that all are there.

    No name changes before all of them are on the disk. If the last file becomes another one, it is
    absent while the others change: it never stands beside what it was not written for. Whoever
    copies holds the folder, so that two that copy the same names leave the files of one of them.

    Raises:
        OSError: if they cannot be written; as long as not all are on the disk the folder is as it was.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(hold_folder(folder))
        for path in reversed(files):  # what is opened last is closed, and in its place, first
            copy = stack.enter_context(open_whole(folder / path.name))
            with path.open("rb") as source:
                shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
        _remove_unlike(folder / files[-1].name, files[-1])


@contextlib.contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Wait until nobody else holds a folder, and hold it; where the system knows no locks, go on."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed left in a folder while they wrote a file."""
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                if _lock(file.fileno()):
                    path.unlink()


def _remove_unlike(path: Path, other: Path) -> None:
    """Remove a file if it is there and is not what the other is."""
    with contextlib.suppress(FileNotFoundError):
        if not filecmp.cmp(path, other, shallow=False):
            path.unlink()


def _lock(descriptor: int) -> bool:
    """Lock a file until it is closed; say no where another process holds it, or nobody can."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

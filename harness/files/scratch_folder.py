"""Temporary folders that do not outlive a process that was killed.

A scratch folder lies in `adabench-<user>/` of the system's temporary folder, beside a file of its
name and `.lock`. Its owner holds the lock until it ends, however that happens. Every start of
an owner removes the folders that nobody holds, and of git worktrees in them what their
repositories remember.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

LOCK = ".lock"


@contextlib.contextmanager
def scratch_folder(kind: str) -> Iterator[Path]:
    """Make a temporary folder that is gone at the end, at the latest with the next start."""
    sweep()
    descriptor, lock = _lock_new(f"{kind}-")
    folder = lock.with_suffix("")
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        remove(folder)
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def place() -> Path:
    """Return the folder of this user's scratch folders, which is made if need be."""
    folder = Path(tempfile.gettempdir()) / f"adabench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def sweep() -> None:
    """Remove the scratch folders whose owners are no more."""
    with contextlib.suppress(OSError):
        for lock in place().glob(f"*{LOCK}"):
            with contextlib.suppress(OSError):
                _sweep_one(lock)


def remove(folder: Path) -> None:
    """Remove a folder, and of git worktrees in it what their repositories remember."""
    for link in folder.glob("*/.git"):
        _forget_worktree(link)
    shutil.rmtree(folder, ignore_errors=True)


def _sweep_one(lock: Path) -> None:
    with lock.open("rb") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # its owner lives
        remove(lock.with_suffix(""))
        if not lock.with_suffix("").exists():
            lock.unlink(missing_ok=True)


def _lock_new(prefix: str) -> tuple[int, Path]:
    """Make a lock file and hold it; one that a sweep took away before it was held is made anew."""
    while True:
        descriptor, name = tempfile.mkstemp(LOCK, prefix, place())
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                return descriptor, Path(name)
        os.close(descriptor)


def _forget_worktree(link: Path) -> None:
    """Remove what a repository remembers of a worktree, where each names the other."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if not link.is_file():
            return
        memory = Path(link.read_text(encoding="utf-8").removeprefix("gitdir:").strip())
        back = Path((memory / "gitdir").read_text(encoding="utf-8").strip())
        if memory.parent.name == "worktrees" and back.resolve() == link.resolve():
            shutil.rmtree(memory, ignore_errors=True)

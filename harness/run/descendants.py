"""The processes below one: counted, ended together however they try to get away, and with their parent."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROUNDS = 20
"""A process that forks while it is being ended is met again in the next round."""
_SET_DEATH_SIGNAL, _SET_SUBREAPER = 1, 36
"""Of prctl(2): PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER."""


def children(pid: int) -> list[int]:
    """Return the living children of a process; none where the kernel does not tell."""
    found: list[int] = []
    with suppress(OSError):  # it ends while its threads are listed
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError, ValueError):
                found += map(int, path.read_text().split())
    return found


def descendants(pid: int) -> Iterator[int]:
    """Yield all processes below one, nearest first."""
    waiting = children(pid)
    while waiting:
        yield from waiting
        waiting = [inner for one in waiting for inner in children(one)]


def count(pid: int, most: int) -> int:
    """Count the processes below one, up to one more than `most`."""
    seen = 0
    for _ in descendants(pid):
        seen += 1
        if seen > most:
            break
    return seen


def end_tree(pid: int) -> None:
    """Kill a process that leads a group, its group and everything below it; it is not reaped here.

    All are stopped before any is killed, so that none can fork in the meantime.
    """
    for _ in range(ROUNDS):
        below = list(descendants(pid))
        for one in (pid, *below):
            _send(one, signal.SIGSTOP)
        again = set(descendants(pid)) - set(below)
        if not again:
            break
    for one in (*descendants(pid), pid):
        _send(one, signal.SIGKILL)
    with suppress(OSError):
        os.killpg(pid, signal.SIGKILL)


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent ends; elsewhere a kill -9 leaves it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of processes whose own parent, below this one, ends before them."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_SUBREAPER, 1, 0, 0, 0)


def _send(pid: int, number: int) -> None:
    with suppress(OSError):
        os.kill(pid, number)

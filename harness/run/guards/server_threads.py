"""The threads of a task server, which forks: a lock that one holds meanwhile is never let go.

A process that is forked has the locks of all threads and only one of the threads. So a task whose
`warm()` leaves a thread behind can hang every method. Python knows its own threads; those of a
library (OpenMP, a pool of BLAS) only the kernel does, where it tells (Linux).
"""

import threading
import time
from collections.abc import Set as AbstractSet
from pathlib import Path

TASKS = Path("/proc/self/task")
LOOKS, LOOK_S = 20, 0.01
"""A thread that was joined may be seen by the kernel for a moment longer."""


def living() -> dict[int, str]:
    """Return the threads of this process by the kernel's numbers, with their names."""
    named = {t.native_id: t.name for t in threading.enumerate() if t.native_id is not None}
    return {number: _name(number) for number in _numbers() - named.keys()} | named


def started_since(before: AbstractSet[int]) -> dict[int, str]:
    """Return the threads that are none of those before, and do not end at once."""
    started = _others(before)
    for _ in range(LOOKS):
        if not started:
            break
        time.sleep(LOOK_S)
        started = _others(before)
    return started


def _others(before: AbstractSet[int]) -> dict[int, str]:
    return {number: name for number, name in living().items() if number not in before}


def _numbers() -> set[int]:
    try:
        return {int(entry.name) for entry in TASKS.iterdir()}
    except OSError:  # not Linux
        return set()


def _name(number: int) -> str:
    try:
        name = (TASKS / str(number) / "comm").read_text(errors="replace").strip()
    except OSError:  # it has ended
        name = "a thread"
    return f"{name}, of a library"

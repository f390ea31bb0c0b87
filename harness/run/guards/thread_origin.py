"""Who started a thread: the method, or the substrate that it calls (an engine's pool).

A thread that a method leaves behind works on while no clock runs. Threads that a library starts
belong to whoever called the library, so the stack is walked to the nearest code of a task.
"""

import sys
import threading
from typing import Literal

PACKAGE, METHODS = "adabench.workloads.", ".methods."
Origin = Literal["method", "substrate"]
_NOTE = "_adabench_origin"


def note_starts(method: str) -> None:
    """From now on, note who starts each thread of this process; `method` is a module's name."""
    start = threading.Thread.start

    def noted_start(thread: threading.Thread) -> None:
        setattr(thread, _NOTE, _origin(method))
        start(thread)

    threading.Thread.start = noted_start  # type: ignore[assignment, method-assign]


def of(thread: threading.Thread) -> Origin:
    """Return who started a thread; what was not noted is the method's."""
    found: Origin = getattr(thread, _NOTE, "method")
    return found


def _origin(method: str) -> Origin:
    frame = sys._getframe(2)
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name == method or (name.startswith(PACKAGE) and METHODS in name):
            return "method"
        if name.startswith(PACKAGE):
            return "substrate"
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "method"

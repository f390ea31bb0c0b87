"""Processes that end when their parent does, also when it is killed."""

import ctypes
import signal
import sys

_SET_DEATH_SIGNAL, _SET_SUBREAPER = 1, 36
"""Of prctl(2): PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER."""


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent ends; elsewhere a kill -9 leaves it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of processes whose own parent, below this one, ends before them."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_SUBREAPER, 1, 0, 0, 0)

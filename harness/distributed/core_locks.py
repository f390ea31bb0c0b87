"""Cores and accelerators that one process has and no other adabench process of this user.

A claim is a lock on a file in a folder of the machine, `core-3` or `gpu-0`. It is held until the
process ends, however that happens: the kernel frees the locks of a process that was killed.

Hardware threads of one core disturb each other, so first threads are handed out before second
ones: two claims share a core only when nothing else is left.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from adabench.harness.errors import EnvironmentProblem
from adabench.profilers.hardware.allotment import core_list
from adabench.profilers.hardware.host import HERE, Machine

WAIT_S = 120.0
"""So long a process waits for what others hold."""


def claim(kind: str, candidates: Sequence[int], count: int, wait_s: float = WAIT_S) -> list[int]:
    """Lock `count` of the candidates until this process ends, and return them.

    Raises:
        EnvironmentProblem: if so many do not exist, or others keep them for too long.
    """
    if count > len(candidates):
        raise EnvironmentProblem(
            f"{count} {kind}s for one worker were asked for, and this machine has "
            f"{len(candidates)}.",
            f"Ask for fewer {kind}s a worker.",
        )
    until = time.monotonic() + wait_s
    while True:
        held = _locked(kind, candidates, count)
        if len(held) == count:
            return sorted(held)
        for descriptor in held.values():
            os.close(descriptor)
        if time.monotonic() > until:
            raise EnvironmentProblem(
                f"{count} free {kind}s were not to be had in {wait_s:g} s: other runs hold them.",
                "Wait until they have ended, or run fewer workers.",
            )
        time.sleep(0.1)


def pin(cores: int) -> list[int]:
    """Claim cores and run on them alone; where the system cannot pin, claim nothing.

    To be called before numpy or torch are loaded: their thread pools are as large as the
    cores they find.
    """
    if not hasattr(os, "sched_setaffinity"):
        return []
    mine = claim("core", spread_out(sorted(os.sched_getaffinity(0))), cores)
    os.sched_setaffinity(0, mine)
    return mine


def spread_out(cores: Sequence[int], machine: Machine = HERE) -> list[int]:
    """Order cores so that hardware threads of one core lie far apart."""

    def place(core: int) -> tuple[int, int]:
        path = f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list"
        siblings = core_list(machine.line(path) or "")
        return siblings.index(core) if core in siblings else 0, core

    return sorted(cores, key=place)


def _locked(kind: str, candidates: Sequence[int], count: int) -> dict[int, int]:
    """Lock as many as are free, `count` at most; descriptors by candidate."""
    folder = Path(tempfile.gettempdir()) / f"adabench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    held: dict[int, int] = {}
    for number in candidates:
        if len(held) == count:
            break
        descriptor = os.open(folder / f"{kind}-{number}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held[number] = descriptor
        except BlockingIOError:
            os.close(descriptor)
    return held

"""Processor time that other programs took: what disturbs a call that runs in several processes.

The thread that calls waits for the others, and their threads wait for each other: its run delay says nothing of strangers.
"""

import os
from pathlib import Path

from adabench.profilers import process_tree

ALL_PROCESSES = "pid:[4026531836]"
"""The first name space of process numbers, PROC_PID_INIT_INO of linux/include/linux/proc_ns.h."""
FOREIGN_SHARE = 0.05
"""Others may have taken this share of the machine during a sample: a kernel's own threads take 1 % of an idle one."""


class ForeignLoad:
    """Seconds of each processor that went to processes outside this run, since the first look.

    In steps of the kernel's clock tick a process, 10 ms as a rule; a look takes a millisecond. A process that began and ended
    between two looks is not seen. In a container with process numbers of its own strangers are hidden: there nothing is known.
    """

    def __init__(self, proc: Path = process_tree.PROC) -> None:
        self._proc = proc
        self._seen: dict[int, int] | None = None
        self._total_ns = 0

    def now_ns(self) -> int | None:
        """Return nanoseconds a processor, or None where the kernel does not tell."""
        found = {
            pid: process_tree.cpu_ns(pid, self._proc, ended=False) for pid in self._strangers()
        }
        if not found:
            return None
        if self._seen is not None:
            self._total_ns += sum(max(0, ns - self._seen.get(pid, 0)) for pid, ns in found.items())
        self._seen = found
        return self._total_ns // (os.cpu_count() or 1)

    def close(self) -> None:
        """Hold nothing open."""

    def _strangers(self) -> list[int]:
        try:
            if os.readlink(self._proc / "self" / "ns" / "pid") != ALL_PROCESSES:
                return []
        except OSError:
            return []
        own = process_tree.run_pids(self._proc)
        try:
            names = [path.name for path in self._proc.iterdir()]
        except OSError:
            return []
        return [int(name) for name in names if name.isdigit() and int(name) not in own]

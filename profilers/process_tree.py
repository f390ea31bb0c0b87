"""Processes below and around this one, as far as /proc tells.

A method may start processes of its own: their processor time is the method's. A run starts many (a
server a task, a process a method): on a GPU they are no strangers to each other. Where /proc tells
nothing (other systems), this process is alone.
"""

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
PRODUCT = "adabench"
SERVER = "adabench.harness.run.task_server"
"""What a run starts; its parent is the run, whatever program that is."""


def children(pid: int, proc: Path = PROC) -> tuple[int, ...]:
    """Return the children of a process, zombies included."""
    found: list[int] = []
    for path in (proc / str(pid) / "task").glob("*/children"):
        try:
            found += [int(child) for child in path.read_text().split()]
        except OSError:  # it ended meanwhile
            continue
    return tuple(found)


def descendants(pid: int, proc: Path = PROC) -> frozenset[int]:
    """Return the processes below one, itself not among them."""
    found, queue = set[int](), [pid]
    while queue:
        below = set(children(queue.pop(), proc)) - found
        found |= below
        queue += below
    return frozenset(found)


def run_pids(proc: Path = PROC) -> frozenset[int]:
    """Return the processes of this process's run: the run itself and everything below it."""
    root = run_root(os.getpid(), proc)
    return descendants(root, proc) | {root, os.getpid()}


def run_root(pid: int, proc: Path = PROC) -> int:
    """Return the topmost process of adabench among one and its ancestors, else the process itself.

    The parent of a task server is one too: a program that calls adabench from Python.
    """
    root, above_server = pid, False
    for ancestor in (pid, *_ancestors(pid, proc)):
        words = _words(ancestor, proc)
        if above_server or any(_is_product(word) for word in words):
            root = ancestor
        above_server = SERVER in words
    return root


def cpu_ns(pid: int, proc: Path = PROC, *, ended: bool = True) -> int:
    """Return the processor time of a process and, where `ended`, of those children that it has waited for.

    In steps of the kernel's clock tick, 10 ms as a rule; 0 once it is gone.
    """
    try:
        stat = (proc / str(pid) / "stat").read_text()
    except OSError:
        return 0
    fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
    own, waited_for = fields[11:13], fields[13:15]  # utime, stime; cutime, cstime
    ticks = sum(map(int, [*own, *(waited_for if ended else ())]))
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def ended_children_ns() -> int:
    """Return the processor time of the children of this process that ended and were waited for."""
    try:
        import resource
    except ModuleNotFoundError:  # not a POSIX system
        return 0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((used.ru_utime + used.ru_stime) * 1e9)


def _ancestors(pid: int, proc: Path) -> Iterator[int]:
    while pid > 1:
        try:
            stat = (proc / str(pid) / "stat").read_text()
        except OSError:
            return
        pid = int(stat.rpartition(")")[2].split()[1])
        if pid > 0:
            yield pid


def _words(pid: int, proc: Path) -> tuple[str, ...]:
    try:
        line = (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(word.decode(errors="replace") for word in line.split(b"\0")[:6])


def _is_product(word: str) -> bool:
    """Tell `/usr/bin/adabench` and `adabench.harness.run.task_server` from other words."""
    return Path(word).name == PRODUCT or word.startswith(f"{PRODUCT}.")

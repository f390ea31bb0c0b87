"""What tests take: processor time of a test process and all below it, and interpreters started."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

from tests.suite.warm_forks import ENDED

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def processor_s() -> float:
    """Return the processor seconds of this process, of its children, and of forks that have ended."""
    own = (getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    living = sum(map(_of, _below(os.getpid())))
    return ENDED.processor_s + living + sum(one.ru_utime + one.ru_stime for one in own)


def _below(process: int | str) -> Iterator[str]:
    """Yield the processes below one; none where the kernel does not list them."""
    try:
        for thread in os.listdir(f"/proc/{process}/task"):
            for child in Path(f"/proc/{process}/task/{thread}/children").read_text().split():
                yield child
                yield from _below(child)
    except OSError:  # it has ended, or there is no such list
        return


def _of(process: str) -> float:
    """Return a living process's seconds, with those of its children that ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS_PER_S


class InterpreterCount:
    """Counts the Python interpreters that this process starts."""

    def __init__(self) -> None:
        self.count = 0
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "subprocess.Popen" and isinstance(arguments[1], list | tuple):
            program = os.path.basename(os.fspath(arguments[1][0])) if arguments[1] else ""
            self.count += str(program).startswith(("python", "adabench"))

    def take(self) -> int:
        """Return how many there were since this was asked last."""
        count, self.count = self.count, 0
        return count

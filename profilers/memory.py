"""Peak resident memory of a block: by how much the process grew beyond its size at the start.

What a process holds when a window opens is not the block's: the interpreter, libraries, what was
prepared, pages that it shares with the process it was forked from. So the figure is the peak within
the window less the size at its start. A block that allocates nothing reads next to nothing, whoever
its neighbours are; one that fills memory which the process had taken earlier and not given back
reads too little, which is why each method has a process of its own.

Linux keeps the high-water mark of a process's resident set (`VmHWM`) and sets it back to the
present size when "5" is written to `/proc/self/clear_refs` (since Linux 4.0). So the peak
within a window is exact up to the kernel's batching of its counters (half a MiB on two
cores, more on many) and needs no sampling thread, which would take processor time from what
is measured. Cost where measured (Linux 6.18): the reset 10 to 100 us, the reading 30 to
150 us, at 11 MB and at 300 MB of resident memory alike; both lie outside the clocks.

A side effect: the reset also lowers `ru_maxrss`, which then is no longer the peak of the whole
process. Where the reset is refused (other systems, a read-only /proc) only that whole-process
peak is left; it has a name of its own, since it cannot tell one method from the one before.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")


class PeakMemory:
    """Growth of the resident set, from the window's start to its peak: `rss_peak_bytes`.

    Where the window cannot be opened: `rss_process_peak_bytes`, the peak of the whole process since
    it began, the interpreter included.
    """

    name = "memory"
    intrusive = False
    min_window_s = 0.0
    levels = frozenset({"rss_peak_bytes", "rss_process_peak_bytes"})

    def __init__(self, clear_refs: Path = CLEAR_REFS) -> None:
        self._clear_refs = clear_refs
        self._start_bytes: int | None = None
        """The size at the window's start; None where the mark could not be reset."""
        self._values: Mapping[str, float] = {}

    def __enter__(self) -> Self:
        self._values = {}
        self._start_bytes = _high_water_bytes() if reset_peak(self._clear_refs) else None
        return self

    def __exit__(self, *exc: object) -> None:
        if self._start_bytes is None:
            whole = _process_peak_bytes()
            self._values = {} if whole is None else {"rss_process_peak_bytes": float(whole)}
            return
        peak = _high_water_bytes()
        grown = None if peak is None else max(peak - self._start_bytes, 0)
        self._values = {} if grown is None else {"rss_peak_bytes": float(grown)}

    def read(self) -> Mapping[str, float]:
        """Return the peak under the name that says what it spans."""
        return self._values


def reset_peak(clear_refs: Path = CLEAR_REFS) -> bool:
    """Set the high-water mark back to the present size; False where that is refused."""
    try:
        descriptor = os.open(clear_refs, os.O_WRONLY)
    except OSError:
        return False
    try:
        return os.write(descriptor, b"5") == 1
    except OSError:
        return False
    finally:
        os.close(descriptor)


def absence() -> tuple[str, str] | None:
    """Say why a window's peak cannot be had, and the remedy; None where it can.

    Resets the high-water mark: there is no other way to learn whether that is allowed.
    """
    if reset_peak():
        return None
    return (
        "The kernel refuses to reset the peak of resident memory (/proc/self/clear_refs).",
        "Run on Linux with a writable /proc.",
    )


def _high_water_bytes() -> int | None:
    for line in STATUS.read_bytes().splitlines():
        if line.startswith(b"VmHWM:"):
            return int(line.split()[1]) * 1024  # the kernel writes KiB
    return None


def _process_peak_bytes() -> int | None:
    try:
        import resource
    except ModuleNotFoundError:  # not a POSIX system
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # KiB on Linux, bytes on macOS

"""Measures the peak resident memory of a block, as growth over a baseline that is not the method's.

Pages of the process (`RssAnon`) and shared memory count, pages of files do not; memory that was freed and not given back does.
The peak is the kernel's high-water mark, reset at the window's begin (which lowers `ru_maxrss` too). Where the reset is refused
only the whole process's peak is left, under a name of its own. See `docs/log/instruments.md`.
"""

import ctypes
import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")


@dataclass
class Baseline:
    """Bytes of this process that are not the method's: made before any of the method's code runs."""

    held_bytes: int = field(default_factory=lambda: _sizes().own_bytes)

    def __post_init__(self) -> None:
        self._least_bytes = self.held_bytes
        self._depth = self._before_bytes = 0

    @contextmanager
    def ours(self) -> Iterator[None]:
        """Count by how much the process grows or shrinks in a block to the baseline."""
        self.open()
        try:
            yield
        finally:
            self.close()

    def open(self) -> None:
        """Begin such a block; of blocks within each other the outermost counts."""
        if self._depth == 0:
            self._before_bytes = _sizes().own_bytes
        self._depth += 1

    def close(self) -> None:
        """End the block that was begun last."""
        self._depth -= 1
        if self._depth == 0:
            grown = _sizes().own_bytes - self._before_bytes
            self.held_bytes = max(self.held_bytes + grown, self._least_bytes)


def leave_out_compiler(baseline: Baseline) -> None:
    """Count what numba's compiler takes to a baseline, if numba is loaded.

    It keeps some 20 MB for a kernel that it compiles and next to nothing for one from its cache.
    """
    if "numba" not in sys.modules:
        return
    event = importlib.import_module("numba.core.event")

    class Compilations(event.Listener):  # type: ignore[misc, name-defined]
        """Hears of each compilation, also of those within one."""

        def on_start(self, _: object) -> None:
            baseline.open()

        def on_end(self, _: object) -> None:
            baseline.close()

    event.register("numba:compile", Compilations())


class PeakMemory:
    """The peak of what a method holds: `rss_peak_bytes`.

    Where the window cannot be opened: `rss_process_peak_bytes`, the peak of the whole process since
    it began, the interpreter included.
    """

    name = "memory"
    intrusive = False
    min_window_s = 0.0
    levels = frozenset({"rss_peak_bytes", "rss_process_peak_bytes"})

    def __init__(self, baseline: Baseline | None = None, clear_refs: Path = CLEAR_REFS) -> None:
        self.baseline = baseline
        self._clear_refs = clear_refs
        self._base_bytes: int | None = None
        """What the peak is held against; None where the mark could not be reset."""
        self._values: Mapping[str, float] = {}

    def __enter__(self) -> Self:
        self._values, self._base_bytes = {}, None
        if reset_peak(self._clear_refs):
            known = self.baseline
            self._base_bytes = _sizes().own_bytes if known is None else known.held_bytes
        return self

    def __exit__(self, *exc: object) -> None:
        if self._base_bytes is None:
            whole = _process_peak_bytes()
            self._values = {} if whole is None else {"rss_process_peak_bytes": float(whole)}
            return
        grown = max(_sizes().own_peak_bytes - self._base_bytes, 0)
        self._values = {"rss_peak_bytes": float(grown)}

    def read(self) -> Mapping[str, float]:
        """Return the peak under the name that says what it spans."""
        return self._values


def give_back() -> None:
    """Give memory that was freed back to the system, where the C library can."""
    with suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


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


@dataclass(frozen=True)
class _Sizes:
    """The process's memory as the kernel tells it."""

    peak_bytes: int
    """With pages of files."""
    file_bytes: int
    own_bytes: int

    @property
    def own_peak_bytes(self) -> int:
        return max(self.peak_bytes - self.file_bytes, self.own_bytes)


def _sizes() -> _Sizes:
    """Read the present sizes; a kernel that does not tell files apart counts them in."""
    said = {}
    with suppress(OSError):
        for line in STATUS.read_bytes().splitlines():
            if line.startswith((b"VmHWM:", b"VmRSS:", b"Rss")):
                name, size = line.split()[:2]
                said[name] = int(size) * 1024  # the kernel writes KiB
    own = said.get(b"RssAnon:", said.get(b"VmRSS:", 0)) + said.get(b"RssShmem:", 0)
    return _Sizes(said.get(b"VmHWM:", 0), said.get(b"RssFile:", 0), own)


def _process_peak_bytes() -> int | None:
    try:
        import resource
    except ModuleNotFoundError:  # not a POSIX system
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # KiB on Linux, bytes on macOS

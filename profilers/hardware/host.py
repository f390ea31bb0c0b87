"""The doors through which facts about a machine come in.

Everything that describes hardware here (its fingerprint, what it can measure) asks a `Machine`
and nothing else: a file of /proc or /sys, NVML, the version of an installed package. The real
one is `HERE`. A test hands in another one, so that a machine with four GPUs and no permissions
can be examined on a laptop.

Reading a version imports nothing: torch alone would cost 1.7 s.
"""

import glob
import importlib.metadata
import importlib.util
import os
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from adabench.profilers.nvml import Unmetered, open_nvml


class Uname(NamedTuple):
    """The operating system, its release, and the processor's architecture."""

    system: str
    release: str
    machine: str


def _read(path: str) -> str:
    """Return the first 8 KiB of a file: /proc/cpuinfo of many cores is slow to read whole."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(8192)


def _find(pattern: str) -> Sequence[str]:
    return sorted(glob.glob(pattern))


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cuda() -> str | None:
    """Return the CUDA version torch was built for, from its source and without importing it."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^cuda\b[^=]*=\s*['\"]([^'\"]+)", text, re.MULTILINE)
    return found[1] if found else None


def _uname() -> Uname:
    return Uname(platform.system(), platform.release(), platform.machine())


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def usable_cores() -> int:
    """Return the cores this process may run on, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Machine:
    """Where facts are read."""

    read: Callable[[str], str] = _read
    """The text of a file by its absolute path; raises OSError."""
    find: Callable[[str], Sequence[str]] = _find
    """The paths that match a pattern, in order."""
    nvml: Callable[[], Any] = open_nvml
    """An initialised `pynvml`; raises Unmetered."""
    version: Callable[[str], str | None] = _version
    """The version of an installed package, None if it is not installed."""
    cuda: Callable[[], str | None] = _cuda
    """The CUDA version of the installed torch, None for one without."""
    uname: Callable[[], Uname] = _uname
    cores: Callable[[], int] = usable_cores
    memory_bytes: Callable[[], int | None] = _memory_bytes

    def line(self, path: str) -> str | None:
        """Return a file's text without blanks at its ends; None if it cannot be read."""
        try:
            return self.read(path).strip()
        except OSError:
            return None

    def handles(self) -> tuple[Any, list[Any]]:
        """Return NVML and a handle per board, in NVML's order.

        Raises:
            Unmetered: if NVML is not there, or sees no board.
        """
        nvml = self.nvml()
        handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
        if not handles:
            raise Unmetered("NVML sees no GPU.")
        return nvml, handles


HERE = Machine()
"""The machine this process runs on."""

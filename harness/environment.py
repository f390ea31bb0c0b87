"""Where a run took place: what must be known to read its numbers, and what must agree to join.

A fingerprint is taken in a tenth of a second and without importing numpy, torch or numba:
versions come from installed metadata, GPUs from NVML. It tells the machine's kind, not whose
it is: no host name, no user name, no path.

Numbers from two runs may stand in one comparison only when the keys in `CHECKED` agree.
The others (load, free memory, kernel) explain a surprise and hinder nothing.
"""

import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from adabench.profilers.nvml import Unmetered, boards, open_nvml

PACKAGES = ("adabench", "numpy", "torch", "numba")
CHECKED = (
    "system",
    "machine",
    "cpu_model",
    "cores",
    "cpu_quota",
    "gpus",
    "driver",
    "python_minor",
    *PACKAGES,
)
"""Keys that must agree before runs are joined or compared."""

_ROOT = Path(__file__).resolve().parents[1]
_CPU = Path("/sys/devices/system/cpu/cpu0/cpufreq")


def fingerprint() -> dict[str, Any]:
    """Describe this machine and installation as plain JSON data; what is unknown is None."""
    gpus, driver = _gpus()
    commit, dirty = git_state(_ROOT)
    cpu_model, virtual = _cpu()
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu_model": cpu_model,
        "virtual": virtual,
        "cores": usable_cores(),
        "cpu_quota": _cpu_quota(),
        "memory_bytes": _memory_bytes(),
        "python": platform.python_version(),
        "python_minor": ".".join(platform.python_version_tuple()[:2]),
        "implementation": platform.python_implementation(),
        **{name: _version(name) for name in PACKAGES},
        "gpus": gpus,
        "driver": driver,
        "git_commit": commit,
        "git_dirty": dirty,
        "load_average": _load_average(),
        "governor": _line(_CPU / "scaling_governor"),
        "power": _power(),
    }


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the checked keys on which two fingerprints differ, with both values."""
    return {key: (a.get(key), b.get(key)) for key in CHECKED if a.get(key) != b.get(key)}


def source_digest(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of files by name and content, whatever their order and folder.

    Raises:
        OSError: if a file cannot be read.
    """
    lines = sorted(f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.name}" for path in paths)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def git_state(root: Path) -> tuple[str | None, bool | None]:
    """Return the commit of a checkout and whether it was changed; (None, None) for none.

    A checkout without a commit gives (None, True).
    """
    if not (root / ".git").exists():  # an installed package inside somebody's repository
        return None, None
    import subprocess

    command = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch"]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=2, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None, None
    lines = done.stdout.splitlines()
    oid = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "")
    commit = None if oid in ("", "(initial)") else oid
    return commit, commit is None or any(not line.startswith("#") for line in lines)


def usable_cores() -> int:
    """Return the cores this process may run on, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _gpus() -> tuple[list[str], str | None]:
    try:
        nvml = open_nvml()
        return [board.name for board in boards(nvml)], nvml.nvmlSystemGetDriverVersion()
    except Unmetered:
        return [], None


def _cpu() -> tuple[str, bool | None]:
    """Return the processor's model and whether it is a virtual machine's (None: unknown)."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            head = file.read(8192)  # the first core: reading all of many is slow
    except OSError:
        return platform.processor() or platform.machine(), None
    pairs = dict(line.partition(":")[::2] for line in reversed(head.splitlines()))
    fields = {key.strip(): value.strip() for key, value in pairs.items()}
    flags = fields.get("flags")
    virtual = None if flags is None else "hypervisor" in flags.split()
    return fields.get("model name") or platform.machine(), virtual


def _cpu_quota() -> float | None:
    """Return the cores' worth of time a container may use, if it is limited (cgroup v2)."""
    quota, _, period = (_line(Path("/sys/fs/cgroup/cpu.max")) or "max").partition(" ")
    return None if quota == "max" or not period else int(quota) / int(period)


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _load_average() -> list[float] | None:
    try:
        return [round(load, 2) for load in os.getloadavg()]
    except (AttributeError, OSError):
        return None


def _power() -> str | None:
    """Return "mains" or "battery" where the machine says so."""
    online = [_line(path) for path in Path("/sys/class/power_supply").glob("*/online")]
    if not online:
        return None
    return "mains" if "1" in online else "battery"


def _line(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None

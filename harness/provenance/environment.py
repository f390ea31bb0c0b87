"""Where a run took place: what must be known to read its numbers, and what must agree to join.

A fingerprint is taken in a tenth of a second and without importing numpy, torch or numba:
versions come from installed metadata, GPUs from NVML. It tells the machine's kind, not whose
it is: no host name, no user name, no path.

Numbers from two runs may stand in one comparison only when the keys in `CHECKED` agree.
The others (load, free memory, kernel) explain a surprise and hinder nothing.
"""

import hashlib
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from adabench.profilers.hardware.fingerprint import fingerprint as hardware
from adabench.profilers.hardware.host import HERE, Machine

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

_ROOT = Path(__file__).resolve().parents[2]


def fingerprint(machine: Machine = HERE) -> dict[str, Any]:
    """Describe a machine and this installation as plain JSON data; what is unknown is None.

    Its hardware is that of `profilers/hardware/fingerprint.py`; what a profile has beyond (power limits,
    clocks) is left to the profile.
    """
    found = hardware(machine)
    commit, dirty = git_state(_ROOT)
    return {
        "system": found.system,
        "kernel": found.kernel,
        "machine": found.machine,
        "cpu_model": found.cpu_model,
        "virtual": found.virtual,
        "cores": found.cores,
        "cpu_quota": found.cpu_quota,
        "memory_bytes": found.memory_bytes,
        "python": platform.python_version(),
        "python_minor": ".".join(platform.python_version_tuple()[:2]),
        "implementation": platform.python_implementation(),
        **{name: machine.version(name) for name in PACKAGES},
        "gpus": [board.name for board in found.gpus],
        "driver": found.driver,
        "git_commit": commit,
        "git_dirty": dirty,
        "load_average": _load_average(),
        "governor": found.governor,
        "power": _power(machine),
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


def _load_average() -> list[float] | None:
    try:
        return [round(load, 2) for load in os.getloadavg()]
    except (AttributeError, OSError):
        return None


def _power(machine: Machine) -> str | None:
    """Return "mains" or "battery" where the machine says so."""
    online = [machine.line(path) for path in machine.find("/sys/class/power_supply/*/online")]
    if not online:
        return None
    return "mains" if "1" in online else "battery"

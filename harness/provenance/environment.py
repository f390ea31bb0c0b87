"""Where a run took place: what must be known to read its numbers, and what must agree to join.

A fingerprint is taken in a tenth of a second and without importing numpy, torch or numba:
versions come from installed metadata, GPUs from NVML. It tells the machine's kind, not whose
it is: no host name, no user name, no path.

Numbers from two runs may stand in one comparison only when the keys in `CHECKED` agree.
The others (load, free memory, kernel) explain a surprise and hinder nothing. What a machine *is*
(`MACHINE`) is told apart from what this process was *given* of it (`GIVEN`): a scheduler gives each
of its jobs another share, and the machines are alike all the same.
"""

import hashlib
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from adabench.profilers.hardware.allotment import allotment, machine_cores
from adabench.profilers.hardware.fingerprint import fingerprint as hardware
from adabench.profilers.hardware.host import HERE, Machine

PACKAGES = ("adabench", "numpy", "torch", "numba")
MACHINE = (
    "system",
    "machine",
    "cpu_model",
    "machine_cores",
    "gpus",
    "driver",
    "python_minor",
    *PACKAGES,
)
"""What a machine and its installation are, whoever asks."""
GIVEN = ("cores", "cpu_quota", "visible_gpus")
"""What this process was given of the machine (`profilers/hardware/allotment.py`)."""
CHECKED = MACHINE + GIVEN
"""Keys that must agree before runs are joined or compared."""
LATER = frozenset({"machine_cores", "visible_gpus"})
"""Keys that runs recorded before do not have: where one side lacks them they are no difference."""

_ROOT = Path(__file__).resolve().parents[2]


def fingerprint(machine: Machine = HERE) -> dict[str, Any]:
    """Describe a machine and this installation as plain JSON data; what is unknown is None.

    Its hardware is that of `profilers/hardware/fingerprint.py`; what a profile has beyond (power limits,
    clocks) is left to the profile.
    """
    found, given = hardware(machine), allotment(machine)
    commit, dirty = git_state(_ROOT)
    return {
        "system": found.system,
        "kernel": found.kernel,
        "machine": found.machine,
        "cpu_model": found.cpu_model,
        "virtual": found.virtual,
        "machine_cores": machine_cores(machine),
        "cores": given.cores,
        "cpu_quota": given.cpu_quota,
        "memory_bytes": found.memory_bytes,
        "python": platform.python_version(),
        "python_minor": ".".join(platform.python_version_tuple()[:2]),
        "implementation": platform.python_implementation(),
        **{name: machine.version(name) for name in PACKAGES},
        "gpus": [board.name for board in found.gpus],
        "visible_gpus": None if given.gpus is None else list(given.gpus),
        "driver": found.driver,
        "git_commit": commit,
        "git_dirty": dirty,
        "load_average": _load_average(),
        "governor": found.governor,
        "power": _power(machine),
    }


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the checked keys on which two fingerprints differ, with both values."""
    return _differing(CHECKED, a, b)


def worker_differences(
    a: Mapping[str, Any], b: Mapping[str, Any], *, gpus: bool
) -> dict[str, tuple[Any, Any]]:
    """Return what makes two workers of one run unlike, with both values.

    What a scheduler gave them does not count, as long as it is enough: a worker takes as many
    cores of it as every other. A job sees the boards that it was given and no other, so boards are
    compared by kind, and only where `gpus` says that the run uses them.
    """
    keys = [key for key in MACHINE if key not in ("gpus", "driver")]
    return _differing(keys, a, b) | (_unlike_boards(a, b) if gpus else {})


def _unlike_boards(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    kinds = [sorted(set(side.get("visible_gpus") or side.get("gpus") or ())) for side in (a, b)]
    boards = {"gpus": (kinds[0], kinds[1])} if kinds[0] != kinds[1] else {}
    return boards | _differing(("driver",), a, b)


def _differing(
    keys: Iterable[str], a: Mapping[str, Any], b: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    return {
        key: (a.get(key), b.get(key))
        for key in keys
        if a.get(key) != b.get(key) and not (key in LATER and not (key in a and key in b))
    }


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

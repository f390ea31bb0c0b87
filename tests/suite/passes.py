"""Passes that were seen on this machine: a unit of tests, with these inputs, passed here.

A unit is a test file, or one address of the conformance suite. Its key is a digest of its closure
(`dependencies.py`) and of what lies outside the repository: packages, Python, processor, settings.
A pass is a small file named by its key, so checkouts share them and a change of anything unsees it.
"""

import hashlib
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from tests.suite.checkout import TESTS
from tests.suite.dependencies import CONFORMANCE, Dependencies

SCHEME = "pass-1"
SETTINGS = (
    "ADABENCH_",
    "NUMBA_",
    "TRITON_",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "CUDA_VISIBLE_",
    "PYTHONHASHSEED",
)
"""Beginnings of variables that can change what a test sees."""
NO_SETTINGS = ("ADABENCH_CACHE", "ADABENCH_KERNELS", "ADABENCH_TEST_")
"""Places to store things in, and what the suite itself sets."""
PROGRAMS = ("git", "chromium", "chromium-browser", "google-chrome", "nvidia-smi", "sbatch")
"""Tests skip without some of them."""


def units(dependencies: Dependencies) -> dict[str, tuple[str, ...]]:
    """Return every unit of tests, and the nodes that its closure starts from."""
    checkout = dependencies.checkout
    found = {file: (file,) for file in dependencies.test_files if file != CONFORMANCE}
    for task, file in checkout.tasks.items():
        found[f"{CONFORMANCE}[{task}]"] = (CONFORMANCE, file)
    for address, file in checkout.methods.items():
        task = checkout.tasks[address.partition("/")[0]]
        counts = {f"{TESTS}/{PurePosixPath(task).parent}/counts.json"} & checkout.known
        found[f"{CONFORMANCE}[{address}]"] = (CONFORMANCE, task, file, *counts)
    return found


def rooms_closures(dependencies: Dependencies) -> dict[str, frozenset[str]]:
    """Return what the tests of each unit may open.

    Addresses of one task share the process that their methods are forked from: what it opens for one
    may be heard as another's, so each may open what any of them may.
    """
    closures = {
        unit: frozenset(dependencies.closure(starts))
        for unit, starts in units(dependencies).items()
    }
    tasks: dict[str, frozenset[str]] = {}
    for unit, closure in closures.items():
        task = _task(unit)
        tasks[task] = tasks.get(task, frozenset()) | closure
    return {
        unit: tasks[_task(unit)] if _task(unit) else closure for unit, closure in closures.items()
    }


def _task(unit: str) -> str:
    """Return the task of an address of the conformance suite; empty for a file."""
    return unit.partition("[")[2].rstrip("]").partition("/")[0]


@dataclass(frozen=True)
class PassStore:
    """A folder of passes."""

    folder: Path

    def seen(self, key: str) -> bool:
        """Tell whether a unit has passed here with these inputs."""
        return self._path(key).exists()

    def add(self, unit: str, key: str) -> None:
        """Note a pass; a folder that cannot be written notes none."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{unit}\n")
        except OSError:
            return

    def remove(self, key: str) -> None:
        """Forget a pass that was false."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key[2:]


def keys(dependencies: Dependencies, names: Iterable[str] | None = None) -> dict[str, str]:
    """Return the key of each unit, or of some."""
    known = units(dependencies)
    surroundings = environment()
    digest = cache(dependencies.digest)
    return {
        unit: _key(surroundings, {node: digest(node) for node in dependencies.closure(known[unit])})
        for unit in (known if names is None else names)
    }


def _key(surroundings: str, closure: Mapping[str, str]) -> str:
    lines = "\n".join(f"{node} {closure[node]}" for node in sorted(closure))
    return hashlib.sha256(f"{SCHEME}\n{surroundings}\n{lines}".encode()).hexdigest()


@cache
def environment() -> str:
    """Describe what tests see beside the repository: packages, Python, processor, settings, programs."""
    packages = sorted(
        f"{found.metadata['Name']}=={found.version}" for found in importlib.metadata.distributions()
    )
    settings = sorted(
        f"{name}={value}" for name, value in os.environ.items()
        if name.startswith(SETTINGS) and not name.startswith(NO_SETTINGS)
    )  # fmt: skip
    programs = [name for name in PROGRAMS if shutil.which(name)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = [sys.version, platform.platform(), processor(), str(cores)]
    return "\n".join((*machine, *packages, *settings, *programs, str(os.geteuid() == 0)))


def processor() -> str:
    """Return what the kernel calls the processor, with what it can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))

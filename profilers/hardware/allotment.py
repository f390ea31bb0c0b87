"""What a process was given of its machine: cores, processor time, boards.

A machine is the same whoever asks; what a scheduler gives of it differs from job to job. Slurm
confines a job to its cores and names its boards, a container limits processor time, `taskset`
pins. Nothing here says anything about the machine itself, so two workers that were given unlike
shares of like machines are still alike (`harness/provenance/environment.py`).

`CUDA_VISIBLE_DEVICES` counts boards in CUDA's order, NVML in that of the bus. Where boards of
several kinds are there and nothing says that the orders agree, which were given is not known.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from adabench.profilers.hardware.fingerprint import cpu_quota
from adabench.profilers.hardware.host import HERE, Machine
from adabench.profilers.nvml import Unmetered

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"


@dataclass(frozen=True)
class Allotment:
    """A process's share of its machine."""

    cores: int
    cpu_quota: float | None
    """Processor seconds per second; None without a limit."""
    gpus: tuple[str, ...] | None
    """Names of the boards; None where they cannot be told."""

    def shortage(self, cores: int, gpus: int) -> str:
        """Say in words what is missing for a worker of so many cores and boards; "" for nothing."""
        if self.cores < cores:
            return f"it may use {self.cores} cores, and a worker needs {cores}"
        if self.cpu_quota is not None and self.cpu_quota < cores:
            return f"it is given {self.cpu_quota:g} cores' time, and a worker needs {cores}"
        if self.gpus is not None and len(self.gpus) < gpus:
            return f"it may use {len(self.gpus)} GPUs, and a worker needs {gpus}"
        return ""


def allotment(machine: Machine = HERE, variables: Mapping[str, str] = os.environ) -> Allotment:
    """Return what this process was given."""
    return Allotment(machine.cores(), cpu_quota(machine), visible_boards(machine, variables))


def machine_cores(machine: Machine = HERE) -> int:
    """Return the cores of the whole machine that are switched on."""
    listed = core_list(machine.line("/sys/devices/system/cpu/online") or "")
    return len(listed) or os.cpu_count() or 1


def core_list(text: str) -> list[int]:
    """Read the kernel's `0-1,8` as 0, 1, 8."""
    cores: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        cores += range(int(first), int(last or first) + 1)
    return cores


def visible_boards(
    machine: Machine = HERE, variables: Mapping[str, str] = os.environ
) -> tuple[str, ...] | None:
    """Return the names of the boards that CUDA would show to this process."""
    try:
        nvml, handles = machine.handles()
    except Unmetered:
        return ()
    names = [str(nvml.nvmlDeviceGetName(handle)) for handle in handles]
    given = variables.get(VISIBLE)
    if given is None:
        return tuple(names)
    entries = [entry.strip() for entry in given.split(",") if entry.strip()]
    if len(set(names)) == 1:
        return (names[0],) * min(len(entries), _shown(entries, len(names)))
    if all(entry.startswith("GPU-") for entry in entries):
        ids = [str(nvml.nvmlDeviceGetUUID(handle)) for handle in handles]
        return tuple(
            name for entry in entries for name, uuid in zip(names, ids, strict=True)
            if uuid.startswith(entry)
        )  # fmt: skip
    if variables.get(ORDER) != "PCI_BUS_ID" or not all(map(str.isdigit, entries)):
        return None
    return tuple(names[int(entry)] for entry in entries[: _shown(entries, len(names))])


def _shown(entries: list[str], boards: int) -> int:
    """Return how many entries CUDA reads: it stops at the first board that does not exist."""
    for place, entry in enumerate(entries):
        if entry == "-1" or (entry.isdigit() and int(entry) >= boards):
            return place
    return len(entries)

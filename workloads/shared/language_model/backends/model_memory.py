"""How much memory a model will need, and how much there is: asked before its weights are read.

need = needed(model, dtype)            model: built without memory, on torch's `meta` device
check_room(need, device, "hf:...")     refuses what cannot fit
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adabench.harness.errors import SelectionError
from adabench.profilers.hardware.allotment import VISIBLE
from adabench.profilers.hardware.host import HERE, Machine
from adabench.profilers.nvml import Unmetered
from adabench.workloads.shared.language_model.backends.causal_model import attention

POSITIONS = 2048
"""Keys and values of so many positions are to fit beside the weights, or the whole context."""
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class MemoryNeed:
    """What a model takes in one number format, estimated without reading its weights."""

    parameters: int
    weights_bytes: int
    position_bytes: int
    """Keys and values of one position."""
    positions: int

    @property
    def total_bytes(self) -> int:
        """Return weights, and the keys and values of the positions."""
        return self.weights_bytes + self.position_bytes * self.positions


def needed(model: Any, dtype: Any, context: int) -> MemoryNeed:
    """Return what a model takes; tied weights count once."""
    parameters = sum(weight.numel() for weight in model.parameters())
    width = dtype.itemsize
    position = attention(model.config.get_text_config()).position_numbers * width
    return MemoryNeed(parameters, parameters * width, position, min(context, POSITIONS))


def check_room(need: MemoryNeed, device: Any, name: str) -> int | None:
    """Return the free memory of a device; None where the machine does not say.

    Raises:
        SelectionError: if the model cannot fit.
    """
    free = free_bytes(device)
    if free is not None and need.total_bytes > free:
        raise SelectionError(
            f"{name} needs about {gigabytes(need.total_bytes)} on {device} "
            f"({need.parameters / 1e9:.2f} billion weights), and {gigabytes(free)} are free.",
            "Choose a smaller model, --dtype bfloat16, or another --device.",
        )
    return free


def free_bytes(device: Any) -> int | None:
    """Return the memory of a device that is free now; None where it is not said.

    A GPU is asked by NVML: CUDA would begin in this process, and no fork of it could use it then.
    """
    if device.type == "cuda":
        return _board_free(device.index or 0)
    found = [free for free in (_available(MEMINFO), _room(CGROUP)) if free is not None]
    return min(found) if found else None


def _board_free(
    index: int, machine: Machine = HERE, variables: Mapping[str, str] = os.environ
) -> int | None:
    """Return the free memory of the board that CUDA gives a number; None where that is not known."""
    try:
        nvml, handles = machine.handles()
    except Unmetered:
        return None
    entries = [entry.strip() for entry in variables.get(VISIBLE, "").split(",") if entry.strip()]
    name = entries[index] if index < len(entries) else "" if entries else str(index)
    if name.startswith("GPU-"):
        boards = [one for one in handles if str(nvml.nvmlDeviceGetUUID(one)).startswith(name)]
    else:
        boards = [handles[int(name)]] if name.isdigit() and int(name) < len(handles) else []
    return int(nvml.nvmlDeviceGetMemoryInfo(boards[0]).free) if boards else None


def _available(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    rows = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(rows["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in rows else None


def _room(cgroup: Path) -> int | None:
    """Return what a container may still take; files that it has read can be dropped again."""
    try:
        most = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
        rows: Mapping[str, str] = dict(
            line.split(" ", 1) for line in (cgroup / "memory.stat").read_text().splitlines()
        )
    except (OSError, ValueError):
        return None
    return None if most == "max" else int(most) - used + int(rows.get("inactive_file", 0))


def gigabytes(count: int) -> str:
    """Write a number of bytes."""
    return f"{count / 1e9:.2f} GB" if count < 100e9 else f"{count / 1e9:.0f} GB"

"""NVIDIA's management library: which boards there are, and which of them torch works on.

`pynvml` (the distribution nvidia-ml-py) costs 30 ms to import, so it is imported by whoever
asks for it. NVML numbers boards by their place on the bus and CUDA by their speed; what both
agree on is the UUID.
"""

import importlib
from typing import Any, NamedTuple


class Unmetered(ValueError):
    """There is no such instrument here: the message says why, `remedy` what to do."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


class Board(NamedTuple):
    """A GPU as NVML sees it; `mig` is true when it is split into instances."""

    name: str
    mig: bool


def open_nvml() -> Any:
    """Return `pynvml`, initialised.

    Raises:
        Unmetered: if the binding, the library or the driver is missing.
    """
    try:
        nvml = importlib.import_module("pynvml")
    except ModuleNotFoundError as missing:
        raise Unmetered("nvidia-ml-py is not installed.", "pip install nvidia-ml-py") from missing
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as problem:
        raise Unmetered(
            f"NVML does not start: {problem}.", "An NVIDIA GPU with its driver brings it."
        ) from problem
    return nvml


def boards(nvml: Any) -> tuple[Board, ...]:
    """Return the GPUs of this machine, in NVML's order; `nvml` is initialised."""
    handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
    return tuple(Board(nvml.nvmlDeviceGetName(handle), in_mig(nvml, handle)) for handle in handles)


def current_uuid(cuda: Any) -> str:
    """Return NVML's name for the device that `torch.cuda` is working on."""
    return f"GPU-{cuda.get_device_properties(cuda.current_device()).uuid}"


def in_mig(nvml: Any, handle: Any) -> bool:
    """Tell whether a board is split into MIG instances."""
    try:
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0])
    except nvml.NVMLError:  # boards without MIG refuse the question
        return False

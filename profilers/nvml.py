"""NVIDIA's management library: which boards there are, which of them torch works on, and what
goes on around a measurement.

`pynvml` (the distribution nvidia-ml-py) costs 30 ms to import, so it is imported by whoever
asks for it. NVML numbers boards by their place on the bus and CUDA by their speed; what both
agree on is the UUID (and the PCI address), so a board is only ever found by one of these.
See `docs/log/instruments.md`.
"""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from adabench.profilers.process_tree import descendants, run_pids

POWER_CAP = 0x4
SLOWDOWN = 0x8 | 0x20 | 0x40 | 0x80
"""Bits of the clocks' event reasons: hardware slowdown, software and hardware thermal limits,
power brake. `POWER_CAP` is the board at its power limit, which heavy work is by nature."""


class Unmetered(ValueError):
    """There is no such instrument here: the message says why, `remedy` what to do."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


class Board(NamedTuple):
    """A GPU as NVML sees it; `mig` is true when it is split into instances."""

    name: str
    mig: bool


class Witness(NamedTuple):
    """What NVML says about a board at one moment; None is a question it did not answer."""

    foreign: int | None
    """Processes on the board besides those of this run; None also where the list is empty."""
    reasons: int | None
    """Why the clocks are where they are: NVML's bits."""
    temp_c: float | None
    sm_mhz: float | None
    power_limit_w: float | None
    driver: str | None
    pid_unseen: bool = False

    @property
    def slowed(self) -> bool:
        """Heat or the power supply held the clocks down."""
        return bool((self.reasons or 0) & SLOWDOWN)

    @property
    def capped(self) -> bool:
        """The board was at its power limit."""
        return bool((self.reasons or 0) & POWER_CAP)


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


def find_board(nvml: Any, name: str) -> Any:
    """Return the handle of a whole board by its UUID (`GPU-...`) or PCI address.

    Raises:
        Unmetered: for a MIG instance, a board in MIG mode, and a name NVML does not know.
    """
    if name.startswith("MIG-"):
        raise _split()
    by_uuid = name.startswith("GPU-")
    find = nvml.nvmlDeviceGetHandleByUUID if by_uuid else nvml.nvmlDeviceGetHandleByPciBusId
    try:
        handle = find(name)
    except nvml.NVMLError as problem:
        if any(board.mig for board in boards(nvml)):  # an instance has a UUID of its own
            raise _split() from problem
        raise Unmetered(
            f"NVML does not know the GPU in use: {problem}.", "nvidia-smi -L lists the boards."
        ) from problem
    if in_mig(nvml, handle):
        raise _split()
    return handle


def in_mig(nvml: Any, handle: Any) -> bool:
    """Tell whether a board is split into MIG instances."""
    try:
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0])
    except nvml.NVMLError:  # boards without MIG refuse the question
        return False


def look(nvml: Any, handle: Any, *, working: bool = True) -> Witness:
    """Ask a board for everything that could invalidate a window. Costs milliseconds.

    `working`: this process works on the board, so that an empty list of processes hides it.
    """
    pids = _pids(nvml, handle)
    if pids is None or (working and not pids):
        foreign, unseen = None, False
    elif pids <= {os.getpid()}:
        foreign, unseen = 0, False  # nobody else: who belongs to the run need not be found out
    else:
        foreign, unseen = _foreign(pids, run_pids())
    limit_mw = _ask(nvml, nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
    return Witness(
        foreign=foreign,
        reasons=_ask(nvml, nvml.nvmlDeviceGetCurrentClocksEventReasons, handle),
        temp_c=_ask(nvml, nvml.nvmlDeviceGetTemperature, handle, 0),  # 0: the GPU's own sensor
        sm_mhz=_ask(nvml, nvml.nvmlDeviceGetClockInfo, handle, 1),  # 1: the SM clock
        power_limit_w=None if limit_mw is None else limit_mw / 1e3,
        driver=_ask(nvml, nvml.nvmlSystemGetDriverVersion),
        pid_unseen=unseen,
    )


def scope_of(nvml: Any, handle: Any) -> str:
    """Return what a board's counter and power cover: with a chip-to-chip link, the module."""
    linked = _ask(nvml, nvml.nvmlDeviceGetC2cModeInfoV, handle)
    return "module" if linked is not None and linked.isC2cEnabled else "gpu_board"


def boards_in_use(nvml: Any, cuda: Any) -> tuple[str, ...]:
    """Return the UUIDs of the boards that this process and its children work on.

    That is torch's current device, those on which it holds memory, and those on which NVML sees
    one of our processes.
    """
    current = cuda.current_device()
    held = [i for i in range(cuda.device_count()) if i == current or cuda.memory_reserved(i) > 0]
    used = [f"GPU-{cuda.get_device_properties(i).uuid}" for i in held]
    ours = descendants(os.getpid()) | {os.getpid()}
    for index in range(nvml.nvmlDeviceGetCount()):
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        if (_pids(nvml, handle) or frozenset()) & ours:
            used.append(str(nvml.nvmlDeviceGetUUID(handle)))
    return tuple(dict.fromkeys(used))


def _foreign(pids: frozenset[int], own: frozenset[int]) -> tuple[int, bool]:
    """Return how many processes are not ours, and whether we had to guess which one is."""
    if not pids or pids & own or any(Path(f"/proc/{pid}").exists() for pid in pids):
        return len(pids - own), False
    return len(pids) - 1, True  # ids of another namespace: we are in a container


def _pids(nvml: Any, handle: Any) -> frozenset[int] | None:
    """Return the processes that compute on a board, clients of MPS included."""
    compute = _ask(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, handle)
    if compute is None:
        return None
    shared = _ask(nvml, nvml.nvmlDeviceGetMPSComputeRunningProcesses, handle) or []
    return frozenset(int(process.pid) for process in [*compute, *shared])


def _ask(nvml: Any, question: Callable[..., Any], *args: Any) -> Any:
    """Return the answer, or None where the board or the driver has none."""
    try:
        return question(*args)
    except nvml.NVMLError:
        return None


def _split() -> Unmetered:
    return Unmetered(
        "The GPU is in MIG mode, where energy is that of the board, not of the instance.",
        "Measure on a whole GPU (nvidia-smi -mig 0).",
    )

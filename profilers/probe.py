"""Probes around the measured region: what they are, their order, and what this machine has.

    with measured(probes) as values:
        answer = solve()
    values["wall_s"]

A probe is a context manager that reads something over the whole block. The order is fixed,
outermost first, whatever the order of the list: what is slow to read stands outside, so that
no clock times another instrument; the device's own clock stands innermost. Where a CUDA
context exists the device is waited for at both edges.

A key that is absent was not measured; `instruments` says what a machine cannot measure, why,
and what would help. A value is never zero for want of an instrument, and an estimate has a
key of its own.
"""

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from adabench.profilers import memory
from adabench.profilers.compute import flops
from adabench.profilers.compute.flops import Flops
from adabench.profilers.energy.energy_probe import Energy, Label, TdpEstimate, open_meters
from adabench.profilers.energy.rapl import Rapl
from adabench.profilers.memory import Baseline, PeakMemory
from adabench.profilers.nvml import Unmetered, boards, open_nvml
from adabench.profilers.timing import clock, disturbance
from adabench.profilers.timing.clock import Cpu, RunDelay, Wall
from adabench.profilers.timing.cuda import CudaEvents, DeviceMemory, context, waiting

Device = Literal["cpu", "cuda"]

ORDER = (
    "energy",
    "energy estimate",
    "memory",
    "device memory",
    "cpu",
    "run delay",
    "wall",
    "cuda",
)
"""Names of probes, outermost first. A probe that is not named here stands outside them all."""


WALL_KEYS = ("wall_s", "latency_s", "latency_mean_s", "latency_min_s")


class Probe(Protocol):
    """An instrument that is read over a block of one or more loops."""

    name: str
    intrusive: bool
    """Disturbs what others measure: it gets a pass of its own."""
    min_window_s: float
    """The shortest window this instrument can resolve; 0 for clocks."""
    levels: frozenset[str]
    """Keys that are levels (a peak). All others are totals, to be divided by the loops."""

    def __enter__(self) -> object:
        """Start; may be entered again after it was left."""
        ...

    def __exit__(self, *exc: object) -> None:
        """Stop, also when the block raised."""
        ...

    def read(self) -> Mapping[str, float]:
        """Return what the last window gave. An absent key was not measured."""
        ...


@dataclass(frozen=True)
class Instrument:
    """What this machine can measure, or why not."""

    name: str
    keys: tuple[str, ...]
    """The quantities it gives."""
    available: bool
    label: Label
    reason: str = ""
    """Why it is not available."""
    remedy: str = ""


@contextmanager
def measured(probes: Sequence[Probe]) -> Iterator[dict[str, float]]:
    """Measure a block; the yielded dict is filled once every probe has been left.

    If the block raises, the probes are left, the dict stays empty and the exception goes on.

    Raises:
        ValueError: if an intrusive probe is to share the pass with another one, or if two
            probes give the same key.
    """
    if len(probes) > 1 and any(probe.intrusive for probe in probes):
        raise ValueError("An intrusive probe needs a pass of its own.")
    values: dict[str, float] = {}
    ordered = sorted(probes, key=_place)
    with ExitStack() as stack:
        _wait()
        for probe in ordered:
            stack.enter_context(probe)
        yield values
        _wait()
    for probe in ordered:
        given = probe.read()
        if twice := sorted(values.keys() & given.keys()):
            raise ValueError(f"Two probes give {', '.join(twice)}.")
        values.update(given)


def open_probes(
    *,
    flops: bool = False,
    energy: bool = True,
    estimate: bool = True,
    counters: bool = True,
    device: Device | None = None,
    meters: Sequence[str] = (),
    baseline: Baseline | None = None,
) -> list[Probe]:
    """Return the probes that work here; those of energy only if something can be said.

    Args:
        flops: add the FLOP counter, which is intrusive.
        energy: add the energy counters, or the model.
        estimate: where there is no counter, add the model `energy_est_j` (`energy` must be on).
        counters: read energy counters around the block. For work that can be repeated say no and
            give energy a pass of its own (`profilers/energy/energy_pass.py`).
        device: what the work runs on. By default "cuda" if this process has a CUDA context;
            asking for "cuda" imports torch and makes one.
        meters: further energy meters by name, see `energy.open_meters`.
        baseline: what of the process's memory is not that of what is measured.

    Raises:
        Unmetered: if "cuda" is asked for and torch has no CUDA device, or a meter cannot be opened.
    """
    device = device or ("cuda" if context() is not None else "cpu")
    if device == "cuda":
        _start_device()
    probes: list[Probe] = [PeakMemory(baseline), Cpu(), RunDelay(), Wall()]
    if device == "cuda":
        probes += [DeviceMemory(), CudaEvents()]
    opened = open_meters(device, meters) if energy and counters else ()
    if opened:
        probes.append(Energy(opened))
    elif energy and estimate:
        probes.append(TdpEstimate())
    if flops and importlib.util.find_spec("torch") is not None:
        probes.append(Flops())
    return sorted(probes, key=_place)


def instruments() -> tuple[Instrument, ...]:
    """Say what this machine can measure; imports no torch, and NVML only asks for boards."""
    device, gpu_energy = _device_absence(), _nvml_absence()
    cpu_energy = _rapl_absence()
    return (
        _seen("wall clock", WALL_KEYS, "measured", None),
        _seen("cpu clock", ("cpu_s",), "measured", None),
        _seen("run delay", ("run_delay_s", "samples_dropped"), "measured", clock.absence()),
        _seen("CPU pressure", ("cpu_pressure",), "measured", disturbance.pressure_absence()),
        _seen("resident memory", ("rss_peak_bytes",), "measured", memory.absence()),
        _seen("CUDA events", ("cuda_s", "device_hot_s", "device_cold_s"), "measured", device),
        _seen("device memory", ("device_peak_bytes",), "measured", device),
        _seen(
            "GPU energy counter",
            ("energy_gpu_j", "energy_module_j", "energy_j"),
            "counter",
            gpu_energy,
        ),
        _seen("CPU energy counter", ("energy_cpu_j", "energy_j"), "counter", cpu_energy),
        _seen("energy model (±50 %)", ("energy_est_j",), "estimated", None),
        _seen("FLOP counter", ("flops",), "measured", flops.absence()),
    )


def _place(probe: Probe) -> int:
    return ORDER.index(probe.name) if probe.name in ORDER else -1


def _wait() -> None:
    wait = waiting()
    if wait is not None:
        wait()


def _seen(
    name: str, keys: tuple[str, ...], label: Label, absence: tuple[str, str] | None
) -> Instrument:
    if absence is None:
        return Instrument(name, keys, True, label)
    return Instrument(name, keys, False, "unavailable", *absence)


def require_device() -> None:
    """Refuse a machine without a CUDA device that torch can use; makes no context on it.

    Raises:
        Unmetered: with the reason.
    """
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        raise Unmetered(*(_device_absence() or ("torch finds no CUDA device.", "")))


def _start_device() -> None:
    require_device()
    importlib.import_module("torch").cuda.init()


def _nvml_absence() -> tuple[str, str] | None:
    try:
        found = boards(open_nvml())
    except Unmetered as problem:
        return str(problem), problem.remedy
    if not found:
        return "NVML sees no GPU.", ""
    if all(board.mig for board in found):
        return (
            "The GPU is in MIG mode, where energy is that of the board, not of the instance.",
            "Measure on a whole GPU (nvidia-smi -mig 0).",
        )
    return None


def _rapl_absence() -> tuple[str, str] | None:
    try:
        Rapl()
    except Unmetered as problem:
        return str(problem), problem.remedy
    return None


def _device_absence() -> tuple[str, str] | None:
    """Say why torch has no CUDA device, from its version and NVML, without importing it."""
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return "torch is not installed.", "pip install torch"
    if version.endswith("+cpu"):
        return (
            f"torch {version} is built for the CPU alone.",
            "Install a CUDA build (pytorch.org/get-started) on a machine with an NVIDIA GPU.",
        )
    try:
        found = boards(open_nvml())
    except Unmetered as problem:
        return str(problem), problem.remedy
    return None if found else ("NVML sees no GPU.", "")

"""Energy: read from hardware counters, or not at all.

A counter is an accumulator in the hardware. Its difference over a window is what the window
took, whatever the load did in between; integrating a sampled power is not.

- `NvmlCounter`: the board's joules since the driver was loaded (Volta and newer), in steps of
  10 to 100 ms. Board, not process, and not MIG instance.
- `Rapl`: the processor package's joules, in steps of 1 ms. Everything that runs on the socket.

Both edges of a window fall between two steps of the counter, so a window has a shortest length
(`min_window_s`); a shorter one gives no value and the probe remembers why (`why`). The whole,
`energy_j`, is given only when every meter gave its part.

Where there is no counter, `TdpEstimate` multiplies processor seconds by a typical power per
core. That is a model: it has its own key, `energy_est_j`, its label is `estimated`, claims and
gates refuse it, and it is good to about a factor of 1.5 either way.

Labels: `counter` (a hardware accumulator) is better than `estimated` (anything else with a
number). A sum has the weakest label among its parts. A missing value is missing, never zero.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import perf_counter_ns, process_time_ns
from typing import Any, Literal, Protocol, Self

from adabench.profilers.cuda import context
from adabench.profilers.nvml import Unmetered, current_uuid, in_mig, open_nvml
from adabench.profilers.rapl import Rapl

Label = Literal["counter", "measured", "estimated", "unavailable"]

WATTS_PER_CORE = 5.0
"""Between the 3 to 4 W of a server core and the 8 W of a desktop core, at their rated power."""
UNCERTAINTY_EST = 0.5
"""Relative uncertainty of the model `estimated.tdp`."""

_LABELS: Mapping[str, Label] = {
    "energy_j": "counter",
    "energy_gpu_j": "counter",
    "energy_cpu_j": "counter",
    "energy_est_j": "estimated",
}


class CounterReset(ValueError):
    """An energy counter ran backwards (the driver was reloaded): the window has no value."""


class Meter(Protocol):
    """One hardware counter of energy."""

    key: str
    kind: str
    min_window_s: float
    max_window_s: float

    def counts(self) -> tuple[int, ...]:
        """Read the raw counters."""
        ...

    def joules(self, before: tuple[int, ...], after: tuple[int, ...]) -> float:
        """Turn two readings into joules.

        Raises:
            CounterReset: if a counter ran backwards and cannot have wrapped.
        """
        ...


class NvmlCounter:
    """`nvmlDeviceGetTotalEnergyConsumption` of one board, found by its UUID.

    By UUID, since NVML and CUDA number boards differently. `nvml` is an initialised `pynvml`.

    Raises:
        Unmetered: for a board in MIG mode (its joules belong to all instances together), a
            board without this counter, and a UUID that NVML does not know.
    """

    key = "energy_gpu_j"
    kind = "counter.nvml"
    min_window_s = 2.0
    max_window_s = float("inf")

    def __init__(self, uuid: str, nvml: Any) -> None:
        self._nvml = nvml
        try:
            self._handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
        except nvml.NVMLError as problem:
            raise Unmetered(f"NVML does not know the GPU in use: {problem}.") from problem
        if in_mig(nvml, self._handle):
            raise Unmetered(
                "The GPU is in MIG mode, where energy is that of the board, not of the instance.",
                "Measure on a whole GPU (nvidia-smi -mig 0).",
            )
        try:
            self.counts()
        except nvml.NVMLError as problem:
            raise Unmetered(
                f"The GPU has no energy counter: {problem}.", "It takes a Volta or newer board."
            ) from problem

    def counts(self) -> tuple[int, ...]:
        """Return millijoules since the driver was loaded."""
        return (int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)),)

    def joules(self, before: tuple[int, ...], after: tuple[int, ...]) -> float:
        """Return the difference.

        Raises:
            CounterReset: if it is negative.
        """
        spent_mj = after[0] - before[0]
        if spent_mj < 0:
            raise CounterReset("The GPU's energy counter ran backwards within a window.")
        return spent_mj / 1e3


class Energy:
    """Joules of the block from every meter given: one key per meter, and their sum `energy_j`."""

    name = "energy"
    intrusive = False
    levels: frozenset[str] = frozenset()

    def __init__(self, meters: Sequence[Meter]) -> None:
        if not meters:
            raise ValueError("An energy probe needs at least one meter.")
        self.meters = tuple(meters)
        self.min_window_s = max(meter.min_window_s for meter in meters)
        self.why: dict[str, str] = {}
        """The reason for every key that the last window did not give."""
        self._window_s = 0.0
        self._before: list[tuple[int, ...]] = []
        self._after: list[tuple[int, ...]] = []

    def __enter__(self) -> Self:
        self.why = {}
        self._start_ns = perf_counter_ns()
        self._before = [meter.counts() for meter in self.meters]
        return self

    def __exit__(self, *exc: object) -> None:
        self._after = [meter.counts() for meter in self.meters]
        self._window_s = (perf_counter_ns() - self._start_ns) / 1e9

    def read(self) -> Mapping[str, float]:
        """Return the joules of each meter whose window had the right length, and the sum.

        Raises:
            CounterReset: if a counter ran backwards.
        """
        values: dict[str, float] = {}
        for meter, before, after in zip(self.meters, self._before, self._after, strict=True):
            reason = _misfit(meter, self._window_s)
            if reason:
                self.why[meter.key] = self.why["energy_j"] = reason
            else:
                values[meter.key] = meter.joules(before, after)
        if context() is not None and "energy_gpu_j" not in values:
            self.why.setdefault("energy_j", "a GPU is in use and not metered")
        return values if "energy_j" in self.why else values | {"energy_j": sum(values.values())}


class TdpEstimate:
    """A model, not a measurement: processor seconds times a typical power: `energy_est_j`."""

    name = "energy estimate"
    kind = "estimated.tdp"
    intrusive = False
    min_window_s = 0.0
    levels: frozenset[str] = frozenset()

    def __init__(self, watts_per_core: float = WATTS_PER_CORE) -> None:
        self._watts_per_core = watts_per_core
        self._start_ns = self._stop_ns = 0

    def __enter__(self) -> Self:
        self._start_ns = process_time_ns()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop_ns = process_time_ns()

    def read(self) -> Mapping[str, float]:
        """Return the estimate: all threads of the process, no memory, no idle power.

        With a CUDA context there is none: the processor is then the small part.
        """
        if context() is not None:
            return {}
        return {"energy_est_j": (self._stop_ns - self._start_ns) / 1e9 * self._watts_per_core}


def energy_label(key: str) -> Label:
    """Return how the joules under `key` came about; a key that is none of ours has no label."""
    return _LABELS.get(key, "unavailable")


def open_meters(device: Literal["cpu", "cuda"]) -> tuple[Meter, ...]:
    """Return the counters that cover what works on `device`; for "cuda" the host's as well."""
    meters: list[Meter] = []
    cuda = context()
    if device == "cuda" and cuda is not None:
        with suppress(Unmetered):
            meters.append(NvmlCounter(current_uuid(cuda), open_nvml()))
    with suppress(Unmetered):
        meters.append(Rapl())
    return tuple(meters)


def _misfit(meter: Meter, window_s: float) -> str:
    if window_s < meter.min_window_s:
        return f"too short: {window_s:.3g} s, {meter.kind} needs {meter.min_window_s:g} s"
    if window_s > meter.max_window_s:
        return f"too long: {window_s:.3g} s, {meter.kind} may have wrapped twice"
    return ""

"""The energy of one NVIDIA board: its counter, or its sampled power where it has none.

On Grace Hopper both cover the module, processor included: scope and key say so.
See `docs/log/instruments.md`.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Self, TypeVar

from adabench.profilers.energy.meter import CounterReset, Counts, EnergyMeter, NoValue, Null
from adabench.profilers.energy.power_samples import Sample, integrate
from adabench.profilers.nvml import Unmetered, Witness, find_board, look, scope_of
from adabench.profilers.timing.pacing import HOST, Clock

T = TypeVar("T")

SENSOR_U = 0.05
"""Boards were 2 to 6 % off an external meter, each by a gain of its own (arXiv 2312.02741)."""
DISAGREEMENT = 0.05
SAMPLE_S = 0.05
KEYS = {
    "gpu_board": ("energy_gpu_j", "energy_gpu_est_j"),
    "module": ("energy_module_j", "energy_module_est_j"),
}
"""By scope, the key of the counter and that of the integral."""
FIELD_SCOPES = {"gpu_board": 0, "module": 1}
"""NVML's numbers for the scopes of its power fields."""
SENSOR_PERIOD_S = 0.1
"""Of the power reading, on every generation since Turing; an assumption of `IntegratedPower`."""


class NvmlCounter:
    """`nvmlDeviceGetTotalEnergyConsumption` of one board, found by UUID or PCI address.

    `nvml` is an initialised `pynvml`.

    Raises:
        Unmetered: for a board in MIG mode (its joules belong to all instances together), a
            board without this counter, and a name that NVML does not know.
    """

    kind = "counter.nvml"
    u_rel = SENSOR_U
    min_window_s = 2.0
    max_window_s = float("inf")
    lag_s = SENSOR_PERIOD_S
    stepping = True

    def __init__(self, uuid: str, nvml: Any) -> None:
        self.uuid = uuid
        self._nvml = nvml
        self._handle = find_board(nvml, uuid)
        self.scope = scope_of(nvml, self._handle)
        self.key = KEYS[self.scope][0]
        try:
            self._read()
        except nvml.NVMLError as problem:
            raise Unmetered(
                f"The GPU has no energy counter: {problem}.", "It takes a Volta or newer board."
            ) from problem

    def counts(self) -> Counts:
        """Return millijoules since the driver was loaded.

        Raises:
            NoValue: if the board does not answer any more.
        """
        try:
            return (self._read(),)
        except self._nvml.NVMLError as problem:
            raise NoValue(f"the GPU's counter can no longer be read: {problem}") from problem

    def _read(self) -> int:
        return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))

    def joules(self, before: Counts, after: Counts) -> float:
        """Return the difference.

        Raises:
            CounterReset: if it is negative.
        """
        spent_mj = after[0] - before[0]
        if spent_mj < 0:
            raise CounterReset("The GPU's energy counter ran backwards within a window.")
        return spent_mj / 1e3

    def witness(self) -> Witness:
        """Return what NVML says about the board now."""
        return look(self._nvml, self._handle)


class IntegratedPower:
    """Sampled board power, integrated; a context manager that samples while it is entered.

    Raises:
        Unmetered: if the board tells no power, is in MIG mode or unknown.
    """

    kind = "estimated.integrated"
    u_rel = SENSOR_U
    max_window_s = float("inf")
    lag_s = SENSOR_PERIOD_S
    stepping = False

    def __init__(self, uuid: str, nvml: Any, pace: Clock = HOST) -> None:
        self.uuid = uuid
        self.samples: list[Sample] = []
        self._nvml, self._pace = nvml, pace
        self._handle = find_board(nvml, uuid)
        self.scope = scope_of(nvml, self._handle)
        self.key = KEYS[self.scope][1]
        self._field_scope = FIELD_SCOPES[self.scope]
        self._repeating: AbstractContextManager[None] | None = None
        self._instant = instant_w(nvml, self._handle, self._field_scope) is not None
        self.min_window_s = 2.0 if self._instant else 10.0
        try:
            self.watts()
        except nvml.NVMLError as problem:
            raise Unmetered(
                f"The GPU tells no power: {problem}.", "Measure with an external meter."
            ) from problem

    def watts(self) -> float:
        """Return the power as the board tells it now."""
        if self._instant:
            now_w = instant_w(self._nvml, self._handle, self._field_scope)
            if now_w is not None:
                return now_w
        return float(self._nvml.nvmlDeviceGetPowerUsage(self._handle)) / 1e3

    def sample(self) -> float:
        """Take one sample and return the pause until the next."""
        start_ns = self._pace.ns()
        try:
            watts = self.watts()
        except self._nvml.NVMLError:  # a hole in the record, which `integrate` refuses
            return SAMPLE_S
        self.samples.append(Sample((start_ns + self._pace.ns()) // 2, watts))
        return SAMPLE_S

    def __enter__(self) -> Self:
        self.samples = []
        self.sample()
        self._repeating = self._pace.repeat(self.sample)
        self._repeating.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._repeating is not None:
            self._repeating.__exit__(None, None, None)
        self.sample()

    def counts(self) -> Counts:
        """Return the time."""
        return (self._pace.ns(),)

    def joules(self, before: Counts, after: Counts) -> float:
        """Integrate between two times.

        Raises:
            NoValue: if the samples do not cover them.
        """
        return integrate(sorted(self.samples), before[0], after[0])

    def witness(self) -> Witness:
        """Return what NVML says about the board now."""
        return look(self._nvml, self._handle)


def instant_w(nvml: Any, handle: Any, scope: int = 0) -> float | None:
    """Return the instantaneous power of a scope, or None where the driver has no such field."""
    field = nvml.NVML_FI_DEV_POWER_INSTANT
    try:
        (value,) = nvml.nvmlDeviceGetFieldValues(handle, [(field, scope)])
    except nvml.NVMLError:
        return None
    return value.value.uiVal / 1e3 if value.nvmlReturn == nvml.NVML_SUCCESS else None


class GpuMeter(NamedTuple):
    """The best meter of a board, and its sampled power to hold the counter against."""

    meter: EnergyMeter
    power: IntegratedPower | None


def open_gpu(uuid: str, nvml: Any, pace: Clock = HOST) -> GpuMeter:
    """Return a board's counter, its sampled power where it has none, or `Null` with the reasons."""
    counter, power = _attempt(NvmlCounter, uuid, nvml), _attempt(IntegratedPower, uuid, nvml, pace)
    check = None if isinstance(power, Unmetered) else power
    if not isinstance(counter, Unmetered):
        return GpuMeter(counter, check)
    if check is not None:
        return GpuMeter(check, None)
    text = " ".join(dict.fromkeys((str(counter), str(power))))
    return GpuMeter(Null("energy_gpu_j", "gpu_board", text, counter.remedy, uuid), None)


def cross_check(counter_j: float, integral_j: float) -> tuple[Mapping[str, Any], bool]:
    """Return the `cross_check` entry of a reading and whether the two disagree.

    Raises:
        ValueError: if the counter gave nothing to compare with.
    """
    if counter_j <= 0:
        raise ValueError("A counter that gained nothing can't be checked.")
    rel = integral_j / counter_j - 1
    entry = {"kind": IntegratedPower.kind, "j": integral_j, "rel": rel}
    return entry, abs(rel) > DISAGREEMENT


def _attempt(kind: Callable[..., T], *args: Any) -> T | Unmetered:
    try:
        return kind(*args)
    except Unmetered as problem:
        return problem

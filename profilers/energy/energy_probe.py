"""Meters the energy of one window, for work that cannot be repeated: from hardware counters, or not at all.

A window that is too short, shared with other processes or waited away gives no value, and `why` says so. The whole, `energy_j`, is
given only when every meter gave its part and no two cover the same thing. Without a counter `TdpEstimate` gives `energy_est_j`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from adabench.profilers.energy.attribution import absent, disturbance, reading_of, share_u
from adabench.profilers.energy.counter_ticks import NoTick, Tick, next_tick
from adabench.profilers.energy.counter_window import between, pad_window
from adabench.profilers.energy.external_log import External
from adabench.profilers.energy.meter import (
    CounterReset,
    Counts,
    EnergyMeter,
    NoValue,
    open_named,
    witnesses,
)
from adabench.profilers.energy.nvml_meters import NvmlCounter, open_gpu
from adabench.profilers.energy.provenance import Label, Reading, label_of, sums, to_plain
from adabench.profilers.energy.rapl import Rapl
from adabench.profilers.energy.zeus_meters import open_zeus
from adabench.profilers.nvml import Unmetered, Witness, boards_in_use, open_nvml
from adabench.profilers.timing.clock import CpuReading, Delay, read_cpu
from adabench.profilers.timing.cuda import context
from adabench.profilers.timing.pacing import HOST, Clock

__all__ = [
    "UNCERTAINTY_EST",
    "WATTS_PER_CORE",
    "CounterReset",
    "Energy",
    "Label",
    "NvmlCounter",
    "TdpEstimate",
    "energy_label",
    "open_meters",
    "provenance",
]

Device = Literal["cpu", "cuda"]

GPU_SCOPES = frozenset({"gpu_board", "module", "node"})
"""What joules of a GPU are part of."""
TAIL = 3
"""Ticks that are awaited after a window: its own last one, and two that show idle power."""

_LABELS: Mapping[str, Label] = {
    "energy_j": "counter",
    "energy_gpu_j": "counter",
    "energy_cpu_j": "counter",
    "energy_dram_j": "counter",
    "energy_node_j": "measured",
    "energy_module_j": "counter",
    "energy_gpu_est_j": "estimated",
    "energy_module_est_j": "estimated",
    "energy_est_j": "estimated",
}


class Energy:
    """Joules of the block from every meter given: one key per meter, and their sum.

    The sum is `energy_j`, or `energy_est_j` if any part is an estimate.
    """

    name = "energy"
    intrusive = False
    levels: frozenset[str] = frozenset()

    def __init__(
        self, meters: Sequence[EnergyMeter], pace: Clock = HOST, delay: Delay | None = None
    ) -> None:
        if not meters:
            raise ValueError("An energy probe needs at least one meter.")
        for meter in meters:
            label = label_of(meter.kind)
            if label != "unavailable" and ("_est_" in meter.key) != (label == "estimated"):
                raise ValueError(f"{meter.key} is no key for energy that is {meter.kind}.")
        # What is slow to start comes first and stops last, so that no other meter waits inside.
        self.meters = tuple(sorted(meters, key=lambda meter: not meter.stepping))
        self.min_window_s = max(meter.min_window_s for meter in meters)
        self.why: dict[str, str] = {}
        """The reason for every key that the last window did not give."""
        self.readings: tuple[Reading, ...] = ()
        """The last window as each meter saw it, in the order of `meters`."""
        self._pace, self._delay = pace, delay or Delay()
        self._waited_ns: list[int | None] = []
        self._start_ns = self._stop_ns = 0
        self._stack = ExitStack()
        self._seen: list[list[Witness]] = []
        self._starts: list[Tick | None] = []
        self._ends: list[tuple[Tick, ...]] = []

    def __enter__(self) -> Self:
        self.why, self.readings, self._ends = {}, (), []
        with ExitStack() as stack:
            for meter in self.meters:
                if isinstance(meter, AbstractContextManager):
                    stack.enter_context(meter)
            self._seen = [witnesses(meter) for meter in self.meters]
            self._starts = [self._start(meter) for meter in self.meters]
            self._stack = stack.pop_all()
        self._waited_ns, self._start_ns = [self._delay.now_ns()], self._pace.ns()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop_ns = self._pace.ns()
        self._waited_ns.append(self._delay.now_ns())
        self._delay.close()
        with self._stack:
            stopping = list(zip(self.meters, self._starts, strict=True))
            ends = [self._end(meter, start, *exc) for meter, start in reversed(stopping)]
            self._ends = ends[::-1]
            for meter, seen in zip(self.meters, self._seen, strict=True):
                seen += witnesses(meter)

    def read(self) -> Mapping[str, float]:
        """Return the joules of each meter that has some for this window, and the sum.

        Raises:
            CounterReset: if a counter ran backwards.
        """
        parts = zip(self.meters, self._starts, self._ends, self._seen, strict=True)
        self.readings = tuple(self._reading(*part) for part in parts)
        named = [(m.key, r) for m, r in zip(self.meters, self.readings, strict=True)]
        values, self.why = sums(named)
        metered = {reading.scope for reading in self.readings if reading.j is not None}
        if context() is not None and not metered & GPU_SCOPES:
            values.pop("energy_j", None)
            self.why.setdefault("energy_j", "a GPU is in use and not metered")
        return values

    @property
    def _work_share(self) -> float | None:
        """The part of the window in which the thread did not wait for a processor."""
        before, after = self._waited_ns
        if before is None or after is None:
            return None
        return 1 - min((after - before) / max(self._stop_ns - self._start_ns, 1), 1.0)

    def _start(self, meter: EnergyMeter) -> Tick | None:
        if not meter.stepping:
            return Tick(self._pace.ns(), 0, meter.counts())
        with suppress(NoTick):
            return next_tick(meter.counts, self._pace)
        return None

    def _end(self, meter: EnergyMeter, start: Tick | None, *exc: object) -> tuple[Tick, ...]:
        if not meter.stepping:
            return (Tick(self._pace.ns(), 0, meter.counts()),)
        if start is None or any(exc):
            return ()
        with suppress(NoTick):
            return tuple(next_tick(meter.counts, self._pace) for _ in range(TAIL))
        return ()

    def _reading(
        self, meter: EnergyMeter, start: Tick | None, ends: tuple[Tick, ...], seen: list[Witness]
    ) -> Reading:
        try:
            if start is None or not ends:
                raise NoValue(f"{meter.kind} stands still: its counter does not move")
            if meter.stepping:
                window = pad_window(meter, start, self._stop_ns, ends)
            else:
                span_ns = (start.ns, ends[0].ns)
                window = between(meter, start.counts, ends[0].counts, span_ns, meter.lag_s)
        except NoValue as problem:
            return absent(meter, problem, seen)
        return self._judged(meter, reading_of(meter, window, seen), seen)

    def _judged(self, meter: EnergyMeter, reading: Reading, seen: list[Witness]) -> Reading:
        """Refuse joules of a window that was not work enough, and widen those of others."""
        share = self._work_share
        reason = disturbance(share) if reading.j is not None else ""
        if reason:
            return replace(absent(meter, NoValue(reason), seen), work_share=share)
        reading = replace(reading, work_share=share)
        if reading.j is None or reading.u_j is None:
            return reading
        # A single window has a single lap, whose latency is the whole window too.
        return replace(reading, u_j=math.hypot(reading.u_j, share_u(share) * reading.j))


WATTS_PER_CORE = 5.0
"""Between the 3 to 4 W of a server core and the 8 W of a desktop core, at their rated power."""
UNCERTAINTY_EST = 0.5
"""Relative uncertainty of the model `estimated.tdp`."""


class TdpModel:
    """Processor seconds times a typical power per core."""

    key = "energy_est_j"
    kind = "estimated.tdp"
    scope = "cpu_package"
    u_rel = UNCERTAINTY_EST
    min_window_s = 0.0
    max_window_s = float("inf")
    lag_s = 0.0
    stepping = False

    def __init__(self, watts_per_core: float = WATTS_PER_CORE) -> None:
        self._watts_per_core = watts_per_core

    def counts(self) -> Counts:
        """Return the processor time of the process and its descendants in nanoseconds."""
        return read_cpu()

    def joules(self, before: Counts, after: Counts) -> float:
        """Return the estimate.

        Raises:
            NoValue: with a CUDA context, where the processor is the small part.
        """
        if context() is not None:
            raise NoValue("a GPU is in use, and the model knows processors only")
        return CpuReading(*before).until(CpuReading(*after)) / 1e9 * self._watts_per_core

    def witness(self) -> Witness | None:
        """Return None."""
        return None


class Unwatched(Delay):
    """The run delay of a model that goes by processor seconds: waiting costs it nothing."""

    def now_ns(self) -> int | None:
        """Return None."""
        return None


class TdpEstimate:
    """A model, not a measurement: processor seconds times a typical power: `energy_est_j`.

    With a CUDA context there is none: the processor is then the small part.
    """

    name = "energy estimate"
    kind = TdpModel.kind
    intrusive = False
    min_window_s = 0.0
    levels: frozenset[str] = frozenset()

    def __init__(self, watts_per_core: float = WATTS_PER_CORE) -> None:
        self._probe = Energy([TdpModel(watts_per_core)], delay=Unwatched())

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The last window with uncertainty and provenance."""
        return self._probe.readings

    def __enter__(self) -> Self:
        self._probe.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._probe.__exit__(*exc)

    def read(self) -> Mapping[str, float]:
        """Return the estimate: all threads of the process, no memory, no idle power."""
        return self._probe.read()


def provenance(probes: Iterable[object], units: float) -> tuple[Mapping[str, Any], ...]:
    """Return what each meter of the probes says of the last window, by key, per unit."""
    return to_plain(
        (meter.key, reading.per(units))
        for probe in probes
        if isinstance(probe, Energy)
        for meter, reading in zip(probe.meters, probe.readings, strict=True)
    )


def energy_label(key: str) -> Label:
    """Return how the joules under `key` came about; a key that is none of ours has no label."""
    return _LABELS.get(key, "unavailable")


def open_meters(device: Device, named: Sequence[str] = ()) -> tuple[EnergyMeter, ...]:
    """Return the counters that cover what works on `device`; for "cuda" the host's as well.

    `named` adds meters of third parties (`profilers/energy/meter.py`), as `external:FILE.csv` the logs
    of external ones (`profilers/energy/external_log.py`), as `zeus:gpu` or `zeus:cpu` those of Zeus
    (`profilers/energy/zeus_meters.py`). They must be there.

    Raises:
        Unmetered: if one of `named` can't be opened.
    """
    boards: list[EnergyMeter] = []
    cuda = context()
    if device == "cuda" and cuda is not None:
        with suppress(Unmetered):
            nvml = open_nvml()
            boards += [open_gpu(uuid, nvml).meter for uuid in boards_in_use(nvml, cuda)]
    return (*boards, *without_covered(boards, host_meters(device, named)))


def host_meters(device: Device, named: Sequence[str] = ()) -> tuple[EnergyMeter, ...]:
    """Return the meters of everything but the boards: the processor's, and those by name.

    Raises:
        Unmetered: if one of `named` can't be opened.
    """
    meters: list[EnergyMeter] = []
    with suppress(Unmetered):
        meters.append(Rapl())
    return (*meters, *(_named(name, device) for name in named))


def without_covered(
    boards: Sequence[EnergyMeter], host: Sequence[EnergyMeter]
) -> tuple[EnergyMeter, ...]:
    """Return the host's meters without the processor's where a module's counter covers it."""
    module = any(meter.scope == "module" for meter in boards)
    return tuple(meter for meter in host if not (module and meter.scope == "cpu_package"))


def _named(name: str, device: Device) -> EnergyMeter:
    kind, colon, rest = name.partition(":")
    if colon and kind == "external":
        return External(Path(rest))
    if colon and kind == "zeus":
        return open_zeus(rest)
    return open_named(name, device)

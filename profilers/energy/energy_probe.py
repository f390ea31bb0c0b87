"""Energy: read from hardware counters, or not at all.

A counter is an accumulator in the hardware. Its difference over a window is what the window
took, whatever the load did in between; integrating a sampled power is not.

- `NvmlCounter`: the board's joules since the driver was loaded (Volta and newer), published
  every 10 to 100 ms. A window starts at such a tick; after its end the rest of the period is
  subtracted as idle, at the power that the following periods show (`profilers/energy/counter_window.py`).
- `Rapl`: the processor package's joules, in steps of 1 ms. Everything that runs on the socket.

A window has a shortest length (`min_window_s`); a shorter one gives no value and the probe
remembers why (`why`). So does a board that other processes computed on. The whole, `energy_j`,
is given only when every meter gave its part and no two of them cover the same thing. What each
window can say for itself, uncertainty and provenance, is in `readings`.

Where there is no counter, `TdpEstimate` stands in with a key of its own, `energy_est_j`
(`profilers/energy/tdp_estimate.py`). A missing value is missing, never zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any, Literal, Self

from adabench.profilers.energy.attribution import absent, reading_of
from adabench.profilers.energy.counter_ticks import NoTick, Tick, next_tick
from adabench.profilers.energy.counter_window import between, pad_window
from adabench.profilers.energy.external_log import External
from adabench.profilers.energy.meter import CounterReset, EnergyMeter, NoValue, open_named
from adabench.profilers.energy.nvml_meters import NvmlCounter
from adabench.profilers.energy.provenance import Incomparable, Label, Reading, label_of, total
from adabench.profilers.energy.rapl import Rapl
from adabench.profilers.energy.tdp_estimate import UNCERTAINTY_EST, WATTS_PER_CORE, TdpModel
from adabench.profilers.nvml import Unmetered, Witness, current_uuid, open_nvml
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

TAIL = 3
"""Ticks that are awaited after a window: its own last one, and two that show idle power."""

_LABELS: Mapping[str, Label] = {
    "energy_j": "counter",
    "energy_gpu_j": "counter",
    "energy_cpu_j": "counter",
    "energy_dram_j": "counter",
    "energy_node_j": "measured",
    "energy_gpu_est_j": "estimated",
    "energy_est_j": "estimated",
}


class Energy:
    """Joules of the block from every meter given: one key per meter, and their sum.

    The sum is `energy_j`, or `energy_est_j` if any part is an estimate.
    """

    name = "energy"
    intrusive = False
    levels: frozenset[str] = frozenset()

    def __init__(self, meters: Sequence[EnergyMeter], pace: Clock = HOST) -> None:
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
        self._pace = pace
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
            self._seen = [_witnesses(meter) for meter in self.meters]
            self._starts = [self._start(meter) for meter in self.meters]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop_ns = self._pace.ns()
        with self._stack:
            stopping = list(zip(self.meters, self._starts, strict=True))
            ends = [self._end(meter, start, *exc) for meter, start in reversed(stopping)]
            self._ends = ends[::-1]
            for meter, seen in zip(self.meters, self._seen, strict=True):
                seen += _witnesses(meter)

    def read(self) -> Mapping[str, float]:
        """Return the joules of each meter that has some for this window, and the sum.

        Raises:
            CounterReset: if a counter ran backwards.
        """
        parts = zip(self.meters, self._starts, self._ends, self._seen, strict=True)
        self.readings = tuple(self._reading(*part) for part in parts)
        values: dict[str, float] = {}
        for meter, reading in zip(self.meters, self.readings, strict=True):
            if reading.j is None:
                self.why[meter.key] = reading.reason
            else:
                values[meter.key] = reading.j
        return {**values, **self._sum()}

    def _sum(self) -> Mapping[str, float]:
        metered = {reading.scope for reading in self.readings if reading.j is not None}
        try:
            whole = total(self.readings)
        except Incomparable as problem:
            self.why["energy_j"] = str(problem)
            return {}
        if whole.j is None:
            self.why["energy_j"] = whole.reason
        elif context() is not None and not metered & {"gpu_board", "module", "node"}:
            self.why["energy_j"] = "a GPU is in use and not metered"
        else:
            return {"energy_est_j" if whole.label == "estimated" else "energy_j": whole.j}
        return {}

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
        return reading_of(meter, window, seen)


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
        self._probe = Energy([TdpModel(watts_per_core)])

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
    """Return what each meter of the probes says of the last window, by key, per unit.

    Fields that are left open are left out. A model says the same every time, so where nothing
    but models spoke there is nothing to keep.
    """
    said = [
        (meter.key, reading.per(units))
        for probe in probes
        if isinstance(probe, Energy)
        for meter, reading in zip(probe.meters, probe.readings, strict=True)
    ]
    if all(reading.label == "estimated" for _, reading in said):
        return ()
    return tuple(
        {"key": key, **{k: v for k, v in reading.to_json().items() if v not in (None, "", [])}}
        for key, reading in said
    )


def energy_label(key: str) -> Label:
    """Return how the joules under `key` came about; a key that is none of ours has no label."""
    return _LABELS.get(key, "unavailable")


def open_meters(
    device: Literal["cpu", "cuda"], named: Sequence[str] = ()
) -> tuple[EnergyMeter, ...]:
    """Return the counters that cover what works on `device`; for "cuda" the host's as well.

    `named` adds meters of third parties (`profilers/energy/meter.py`) and, as `external:FILE.csv`, the
    logs of external ones (`profilers/energy/external_log.py`). They must be there.

    Raises:
        Unmetered: if one of `named` can't be opened.
    """
    meters: list[EnergyMeter] = []
    cuda = context()
    if device == "cuda" and cuda is not None:
        with suppress(Unmetered):
            meters.append(NvmlCounter(current_uuid(cuda), open_nvml()))
    with suppress(Unmetered):
        meters.append(Rapl())
    return (*meters, *(_named(name, device) for name in named))


def _named(name: str, device: Literal["cpu", "cuda"]) -> EnergyMeter:
    kind, found, path = name.partition(":")
    return External(Path(path)) if found and kind == "external" else open_named(name, device)


def _witnesses(meter: EnergyMeter) -> list[Witness]:
    seen = meter.witness()
    return [] if seen is None else [seen]

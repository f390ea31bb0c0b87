"""Measures the joules of a call in a pass of its own after the timing: `energy_pass(call, open_energy(device), watch, budget_s)`.

The call is repeated in blocks (`unit_energy.py`) until every meter has its window, its ticks and its precision, or the budget is
spent. Idle power is measured before the first case and after each. An absent value has its reason in the provenance; the whole
is given only if every part is there, as `energy_est_j` if a part is an estimate. See `docs/log/instruments.md`.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from adabench.profilers.energy.attribution import sharing_note
from adabench.profilers.energy.counter_ticks import STEPS, delays_s, find_period
from adabench.profilers.energy.energy_probe import (
    GPU_SCOPES,
    Device,
    Energy,
    host_meters,
    without_covered,
)
from adabench.profilers.energy.idle_baseline import Idle, idle_power
from adabench.profilers.energy.meter import CounterReset, EnergyMeter, NoValue, witnesses
from adabench.profilers.energy.nvml_meters import KEYS, GpuMeter, open_gpu
from adabench.profilers.energy.provenance import Reading, sums, to_plain
from adabench.profilers.energy.unit_energy import Measurement, MeterBlocks, take_block
from adabench.profilers.energy.work_units import calls_per_unit, host_units
from adabench.profilers.nvml import Unmetered, boards_in_use, open_nvml
from adabench.profilers.timing.clock import Delay
from adabench.profilers.timing.cuda import context, waiting
from adabench.profilers.timing.disturbance import KEEP_SHARE, Watch
from adabench.profilers.timing.pacing import HOST, Clock

GPU_KEYS = frozenset(key for keys in KEYS.values() for key in keys)
LEAST = 4
"""Blocks before precision is looked at; where the phase is stepped, twice per phase."""
IDLE_LASTS_S = 60.0
"""An idle power that was measured longer ago is measured again."""


@dataclass(frozen=True)
class Plan:
    """How well, and under which conditions."""

    half_width: float = 0.01
    """Of the 95 % interval over blocks, relative to the mean."""
    idle_s: float = 1.0
    period_ticks: int = 20
    phases: int = STEPS
    work_share: float = KEEP_SHARE


@dataclass
class EnergyMeters:
    """The meters of this process, and what was learned about them: periods, the last idle power."""

    host: tuple[EnergyMeter, ...] = ()
    """Those of everything but boards; boards are found when the work uses them."""
    pace: Clock = HOST
    plan: Plan = field(default_factory=Plan)
    boards: dict[str, GpuMeter] = field(default_factory=dict)
    """By UUID."""
    periods: dict[int, float] = field(default_factory=dict)
    idles: dict[int, tuple[int, Idle]] = field(default_factory=dict)
    """When it was measured, by meter."""

    def in_use(self) -> tuple[str, ...]:
        """Return the boards that this process works on now.

        Raises:
            Unmetered: if there is a CUDA context and NVML does not start.
        """
        cuda = context()
        return () if cuda is None else boards_in_use(open_nvml(), cuda)

    def window(self, delay: Delay | None = None) -> tuple[Energy, ...]:
        """Return the probe of work that is done once (a preparation), or none without a meter."""
        meters = [one.meter for one in self.open(_boards(self)[0])]
        return (Energy(meters, self.pace, delay),) if meters else ()

    def open(self, uuids: Sequence[str]) -> list[MeterBlocks]:
        """Return all meters for some boards, without blocks; those of boards come first."""
        for uuid in uuids:
            if uuid not in self.boards:
                self.boards[uuid] = open_gpu(uuid, open_nvml(), self.pace)
        gpus = [self.boards[uuid] for uuid in uuids]
        host = without_covered([gpu.meter for gpu in gpus], self.host)
        found = [MeterBlocks(gpu.meter, power=gpu.power) for gpu in gpus]
        return found + [MeterBlocks(meter) for meter in host]


@dataclass(frozen=True)
class PassResult:
    """Joules per call, and everything needed to argue about them."""

    values: Mapping[str, float]
    measurements: tuple[Measurement, ...]
    why: Mapping[str, str]
    """The reason for every key without a value."""

    @property
    def provenance(self) -> tuple[Mapping[str, Any], ...]:
        """What records hold beside their values; of several boards one entry each."""
        return to_plain((found.key, found.reading) for found in self.measurements)


def open_energy(device: Device, named: Sequence[str] = ()) -> EnergyMeters | None:
    """Return what meters energy here, or None if nothing does.

    `named` adds meters of third parties and logs of external ones (`energy_probe.open_meters`).

    Raises:
        Unmetered: if one of `named` can't be opened.
    """
    host = host_meters(device, named)
    return EnergyMeters(host) if host or device == "cuda" else None


def energy_pass(
    call: Callable[[], object],
    meters: EnergyMeters,
    watch: Watch,
    budget_s: float,
    latency_s: float | None = None,
) -> PassResult:
    """Measure the energy of a call that has been warmed up and may be repeated.

    `latency_s` is what the timing says of the call: joules of other conditions are told or refused.
    """
    deadline_ns = meters.pace.ns() + round(budget_s * 1e9)
    uuids, blind = _boards(meters)
    opened = meters.open(uuids)
    able = [one for one in opened if _is_able(one)]
    gc.collect(1)
    with ExitStack() as stack:
        for one in able:
            for part in (one.meter, one.power):
                if isinstance(part, AbstractContextManager):
                    stack.enter_context(part)
        _measure(call, able, meters, watch, deadline_ns)
    if any(one.meter.scope in GPU_SCOPES for one in opened):
        blind = ""  # by a meter that was asked for by name
    if _boards(meters)[0] != uuids:
        blind = "the work went to a GPU that was not metered"
        for one in opened:
            if one.meter.key in GPU_KEYS:
                one.blocks, one.absence = [], blind
    return _settled([one.measurement(latency_s) for one in opened], blind)


def _boards(meters: EnergyMeters) -> tuple[tuple[str, ...], str]:
    """Return the boards in use, or why they can't be told although there are some."""
    try:
        return meters.in_use(), ""
    except Unmetered as problem:
        return (), f"a GPU is in use and not metered: {problem}"


def _measure(
    call: Callable[[], object],
    able: list[MeterBlocks],
    meters: EnergyMeters,
    watch: Watch,
    deadline_ns: int,
) -> None:
    """Take idle power and blocks until all meters know enough, or until the deadline."""
    pace, plan, wait = meters.pace, meters.plan, waiting()
    able = [one for one in able if _find_period(one, meters)]
    if not able:
        return
    _idle(able, meters, fresh=False)
    size = calls_per_unit(call, wait=wait, clock_ns=pace.ns)
    run = host_units(call, size, waited_ns=watch.delay.now_ns, wait=wait, clock_ns=pace.ns)
    delays = delays_s(max(one.period_s for one in able), plan.phases) if _steps(able) else (0.0,)
    least, number = max(LEAST, 2 * len(delays) if len(delays) > 1 else 0), 0
    while True:
        start_ns, phase = pace.ns(), number % len(delays)
        try:
            take_block(run, able, (phase, delays[phase]), pace, watch, plan.work_share)
        except (NoValue, Unmetered) as problem:
            for one in able:
                one.absence = one.absence or str(problem)
            break
        number += 1
        if number >= 2 * least and not any(one.blocks for one in able):
            break  # what spoils every block will spoil the next
        known = all(one.knows(plan.half_width, least) for one in able)
        if known or pace.ns() + (pace.ns() - start_ns) > deadline_ns:
            break
    _idle(able, meters, fresh=True)


def _is_able(one: MeterBlocks) -> bool:
    """Tell whether a meter can say anything at all; where not, note why."""
    one.refused = witnesses(one.meter)
    one.absence = sharing_note(one.refused) or str(getattr(one.meter, "reason", ""))
    return not one.absence


def _steps(able: Sequence[MeterBlocks]) -> bool:
    return any(one.meter.stepping for one in able)


def _find_period(one: MeterBlocks, meters: EnergyMeters) -> bool:
    """Find how often a counter is published, once; one that stands still is of no use."""
    if not one.meter.stepping:
        return True
    name = id(one.meter)
    try:
        if name not in meters.periods:
            found = find_period(one.meter.counts, meters.pace, ticks=meters.plan.period_ticks)
            meters.periods[name] = found.period_s
    except (NoValue, Unmetered) as problem:
        one.absence = f"{one.meter.kind} stands still: {problem}"
        return False
    one.period_s = meters.periods[name]
    return True


def _idle(able: Sequence[MeterBlocks], meters: EnergyMeters, *, fresh: bool) -> None:
    """Add idle power to each meter: the last one if it is recent and a new one is not asked for."""
    for one in able:
        name, now_ns = id(one.meter), meters.pace.ns()
        at_ns, idle = meters.idles.get(name, (0, None))
        if idle is None or fresh or now_ns - at_ns > IDLE_LASTS_S * 1e9:
            own_s = 10 * one.period_s if one.meter.stepping else one.meter.min_window_s
            seconds = max(meters.plan.idle_s, own_s)
            with suppress(NoValue, Unmetered, CounterReset):
                idle = idle_power(one.meter, seconds, meters.pace, period_s=one.period_s)
                meters.idles[name] = (meters.pace.ns(), idle)
                one.idles.append(idle)
        else:
            one.idles.append(idle)


def _settled(measurements: Sequence[Measurement], blind: str) -> PassResult:
    values, why = sums([(found.key, _per_call(found.reading)) for found in measurements])
    if blind:
        values.pop("energy_j", None)
        why["energy_j"] = blind
    return PassResult(values, tuple(measurements), why)


def _per_call(reading: Reading) -> Reading:
    """Return a reading as that of one call, since the windows of meters differ."""
    if reading.j is None:
        return reading
    return replace(reading, j=reading.j_per_unit, u_j=reading.u_j_per_unit, window_s=None)

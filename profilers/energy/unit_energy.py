"""Blocks: the energy of a unit of work, measured until it can be argued with.

One measurement is: idle; warm up; blocks of work; idle again. A block waits for a tick of the
counter and then for its share of a period (the phases of `profilers/energy/sensor_phase.py`), works for
`window_s` and a little more at either end, and is cut at two ticks inside. Its J per unit is
one replicate. Blocks during which the board was shared or heat held its clocks down are
discarded and counted.

Two intervals come out, both at 95 %. `interval` is for the absolute value and contains the
instrument's own error; `on_this_card` leaves it out and is for ratios on the same board.
"""

import math
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from statistics import fmean

from adabench.profilers.energy.attribution import annotate, misfit, reading_of, sharing_note
from adabench.profilers.energy.counter_ticks import Period, TickWatch, find_period
from adabench.profilers.energy.counter_window import Window, align_window, between
from adabench.profilers.energy.idle_baseline import Idle, idle_power, join_idles, with_net
from adabench.profilers.energy.meter import Counts, EnergyMeter, NoValue
from adabench.profilers.energy.nvml_meters import IntegratedPower, cross_check
from adabench.profilers.energy.provenance import Reading, unavailable
from adabench.profilers.energy.sensor_phase import ALIASING, STEPS, delays_s, wait_for_phase
from adabench.profilers.energy.uncertainty import (
    Estimate,
    stratified_mean,
    stratum_spread,
    with_known,
)
from adabench.profilers.energy.work_units import More, Runner
from adabench.profilers.nvml import Witness
from adabench.profilers.timing.pacing import HOST, Clock

LEAD_TICKS = 7.0
"""Periods of work beyond the window: one at either end until the first tick, and up to two more
that may be passed over for a tick with a narrower bracket."""
MIN_TICKS = 20
"""A window holds at least as many."""


@dataclass(frozen=True)
class Plan:
    """How a measurement is made. `blocks` is best a multiple of `phases`, and at least twice."""

    blocks: int = 12
    window_s: float = 2.0
    phases: int = STEPS
    idle_s: float = 5.0
    warm_up_s: float = 2.0
    period_ticks: int = 20


@dataclass(frozen=True)
class Block:
    """One window of work at one phase."""

    window: Window
    phase: int
    integral_j: float | None

    @property
    def j_per_unit(self) -> float:
        """The energy of one unit."""
        return self.window.j / self.window.units


@dataclass(frozen=True)
class Measurement:
    """The energy of a unit: the reading over all blocks kept, and the blocks themselves."""

    reading: Reading
    blocks: tuple[Block, ...]
    discarded: tuple[str, ...]
    """The reason for each block that was thrown away."""
    on_this_card: tuple[float, float] | None
    """95 % of J per unit, without the instrument's own error."""


def measure(
    run: Runner,
    meter: EnergyMeter,
    plan: Plan | None = None,
    *,
    pace: Clock = HOST,
    power: IntegratedPower | None = None,
) -> Measurement:
    """Measure the energy of a unit of work; `power` is read beside the meter as a cross-check.

    A board that is shared, and blocks too short for the meter, give a reading without a number.

    Raises:
        CounterReset: if the counter ran backwards.
        NoTick: if it stands still.
    """
    plan = plan or Plan()
    seen = _seen(meter)
    if reason := sharing_note(seen) or misfit(meter, plan.window_s):
        return _nothing(meter, reason, seen, ())
    period = find_period(meter.counts, pace, ticks=plan.period_ticks) if meter.stepping else None
    period_s = period.period_s if period else 0.0
    idles = [idle_power(meter, plan.idle_s, pace, period_s=period_s)] if plan.idle_s else []
    run(_for(plan.warm_up_s, pace))
    kept, discarded, seen = _blocks(run, meter, plan, period, pace, power)
    if plan.idle_s:
        idles.append(idle_power(meter, plan.idle_s, pace, period_s=period_s))
    if not kept:
        return _nothing(meter, f"no block was valid: {discarded[0]}", seen, discarded)
    return _result(meter, kept, seen, discarded, idles)


def _blocks(
    run: Runner,
    meter: EnergyMeter,
    plan: Plan,
    period: Period | None,
    pace: Clock,
    power: IntegratedPower | None,
) -> tuple[list[Block], tuple[str, ...], list[Witness]]:
    """Run all blocks; return those kept, why others were not, and the witnesses of the kept."""
    delays = delays_s(period.period_s, plan.phases) if period else (0.0,)
    kept, discarded, seen = list[Block](), list[str](), list[Witness]()
    for number in range(plan.blocks):
        phase = number % len(delays)
        around = _seen(meter)
        try:
            block = _block(run, meter, plan, period, delays[phase], pace, power)
        except NoValue as problem:
            discarded.append(str(problem))
            continue
        around += _seen(meter)
        reason = sharing_note(around) or ("slowed" if any(one.slowed for one in around) else "")
        if reason:
            discarded.append(reason)
        else:
            kept.append(replace(block, phase=phase))
            seen += around
    return kept, tuple(discarded), seen


def _block(
    run: Runner,
    meter: EnergyMeter,
    plan: Plan,
    period: Period | None,
    delay_s: float,
    pace: Clock,
    power: IntegratedPower | None,
) -> Block:
    with ExitStack() as stack:
        if power is not None:
            stack.enter_context(power)
        window = (
            _plain(run, meter, plan, pace)
            if period is None
            else _cut(run, meter, plan, period, delay_s, pace)
        )
    integral = None
    if power is not None:
        with suppress(NoValue):  # the check is missing then, the block is not
            integral = power.joules((window.start_ns,), (window.stop_ns,))
    return Block(window, 0, integral)


def _cut(
    run: Runner, meter: EnergyMeter, plan: Plan, period: Period, delay_s: float, pace: Clock
) -> Window:
    wait_for_phase(meter.counts, delay_s, pace)
    window_s = max(plan.window_s, MIN_TICKS * period.period_s)
    watch = TickWatch(meter.counts, pace, period_s=period.period_s)
    with pace.repeat(watch.look):
        edges_ns = run(_for(window_s + LEAD_TICKS * period.period_s, pace))
    return align_window(meter, watch.ticks, edges_ns, min_s=window_s)


def _plain(run: Runner, meter: EnergyMeter, plan: Plan, pace: Clock) -> Window:
    """Return the window of a meter that is renewed so often that its ticks don't matter."""
    before: Counts = meter.counts()
    edges_ns = run(_for(plan.window_s, pace))
    after = meter.counts()
    window = between(meter, before, after, (edges_ns[0], edges_ns[-1]), meter.lag_s)
    return replace(window, units=float(len(edges_ns) - 1))


def _result(
    meter: EnergyMeter,
    kept: Sequence[Block],
    seen: Sequence[Witness],
    discarded: tuple[str, ...],
    idles: Sequence[Idle],
) -> Measurement:
    windows, phases = [block.window for block in kept], [block.phase for block in kept]
    spent, units = [window.j for window in windows], [window.units for window in windows]
    scatter, whole = stratified_mean(spent, units, phases), _pooled(windows)
    estimate = _absolute(meter, scatter, whole)
    reading = replace(
        reading_of(meter, whole, seen),
        phase_steps=len(set(phases)),
        units=whole.units,
        j_per_unit=estimate.mean,
        u_j_per_unit=estimate.u,
        interval=estimate.interval if estimate.df else None,
    )
    if len(set(phases)) > 1 and stratum_spread(spent, units, phases) > ALIASING:
        reading = reading.flagged("aliasing")
    reading = _with_idle(_checked(reading, kept), meter, idles)
    return Measurement(reading, tuple(kept), discarded, scatter.interval if scatter.df else None)


def _absolute(meter: EnergyMeter, scatter: Estimate, whole: Window) -> Estimate:
    """Add the instrument's own error; that of the windows' ends only if repeats don't show it."""
    ends = 0.0 if scatter.df else whole.u_j / whole.units
    return with_known(scatter, meter.u_rel * scatter.mean, ends)


def _pooled(windows: Sequence[Window]) -> Window:
    """Return one window that holds all the given ones."""
    tick_s = [window.tick_s for window in windows if window.tick_s]
    return Window(
        j=sum(window.j for window in windows),
        u_j=math.hypot(*(window.u_j for window in windows)),
        window_s=sum(window.window_s for window in windows),
        units=sum(window.units for window in windows),
        ticks=sum(window.ticks for window in windows),
        tick_s=fmean(tick_s) if tick_s else None,
        aligned=all(window.aligned for window in windows),
        start_ns=windows[0].start_ns,
        stop_ns=windows[-1].stop_ns,
        flags=tuple(dict.fromkeys(flag for window in windows for flag in window.flags)),
    )


def _checked(reading: Reading, kept: Sequence[Block]) -> Reading:
    """Compare with the integral of the sampled power over the blocks that have one."""
    pairs = [(b.window.j, b.integral_j) for b in kept if b.integral_j is not None]
    if not pairs:
        return reading
    entry, apart = cross_check(sum(j for j, _ in pairs), sum(i for _, i in pairs))
    checked = replace(reading, cross_check=entry)
    return checked.flagged("cross_check") if apart else checked


def _with_idle(reading: Reading, meter: EnergyMeter, idles: Sequence[Idle]) -> Reading:
    if not idles:
        return reading
    idle, drifted = join_idles(idles)
    net = with_net(reading, idle, meter.u_rel)
    return net.flagged("idle_drift") if drifted else net


def _nothing(
    meter: EnergyMeter, reason: str, seen: Sequence[Witness], discarded: tuple[str, ...]
) -> Measurement:
    reading = annotate(unavailable(meter.scope, reason), meter, seen)
    return Measurement(reading, (), discarded, None)


def _seen(meter: EnergyMeter) -> list[Witness]:
    witness = meter.witness()
    return [] if witness is None else [witness]


def _for(seconds: float, pace: Clock) -> More:
    """Return what tells a runner to go on for some time."""
    stop_ns = pace.ns() + round(seconds * 1e9)
    return lambda: pace.ns() < stop_ns

"""Measures the energy of a unit of work in blocks, cut at two ticks of the counter, until it can be argued with.

Blocks with too little undisturbed work, a shared or slowed board or a reset counter are discarded and counted. `interval` is for the
absolute value and contains the instrument's own error; `on_this_card` leaves it out and is for ratios on the same board.
"""

import math
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from statistics import fmean

from adabench.profilers.energy.attribution import (
    annotate,
    disturbance,
    misfit,
    reading_of,
    share_u,
    sharing_note,
)
from adabench.profilers.energy.counter_ticks import ALIASING, TickWatch, wait_for_phase
from adabench.profilers.energy.counter_window import Window, align_window, between
from adabench.profilers.energy.idle_baseline import Idle, join_idles, with_net
from adabench.profilers.energy.meter import CounterReset, Counts, EnergyMeter, NoValue, witnesses
from adabench.profilers.energy.nvml_meters import SAMPLE_S, IntegratedPower, cross_check
from adabench.profilers.energy.provenance import Reading, unavailable
from adabench.profilers.energy.uncertainty import (
    Estimate,
    stratified_mean,
    stratum_spread,
    t975,
    with_known,
)
from adabench.profilers.energy.work_units import More, Runner, Stretch, Work, work_in
from adabench.profilers.nvml import Witness
from adabench.profilers.timing.disturbance import KEEP_SHARE, Watch, throttle_note
from adabench.profilers.timing.pacing import Clock

LEAD_TICKS = 7.0
"""Periods of work beyond the window: one at either end until the first tick, and up to two more
that may be passed over for a tick with a narrower bracket."""
WINDOW_S = 0.5
"""A window is at least this long, whatever the meter: shorter ones miss what happens seldom."""
APART = 0.05
"""Calls in the blocks and in the timing are of other conditions if they differ by more."""
CALM_SHARE = 0.98
"""Where less of the windows was work something else ran, and such a difference is its doing."""
MIN_TICKS = 20
"""A window holds at least as many."""


@dataclass(frozen=True)
class Block:
    """One window of work at one phase."""

    window: Window
    work: Work
    phase: int = 0
    integral_j: float | None = None

    @property
    def j(self) -> float:
        """The joules of the share that was work."""
        return self.window.j * self.work.share


@dataclass
class MeterBlocks:
    """One meter, and what the blocks so far gave it."""

    meter: EnergyMeter
    period_s: float = 0.0
    """Of a meter that steps."""
    power: IntegratedPower | None = None
    """Read beside the meter, to hold it against."""
    blocks: list[Block] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)
    """The reason for each block that was thrown away."""
    seen: list[Witness] = field(default_factory=list)
    """What witnesses said around the blocks."""
    refused: list[Witness] = field(default_factory=list)
    """What they said before all, and around the blocks that were thrown away."""
    idles: list[Idle] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    """How much of each block was work, also of the discarded."""
    absence: str = ""
    """Why the meter has nothing to say of any block."""

    @property
    def window_s(self) -> float:
        """The shortest window that suits the meter."""
        return max(self.meter.min_window_s, MIN_TICKS * self.period_s, WINDOW_S)

    @property
    def scatter(self) -> Estimate:
        """J per call over the blocks, without the instrument's own error."""
        spent, calls = [block.j for block in self.blocks], [b.work.calls for b in self.blocks]
        return stratified_mean(spent, calls, [block.phase for block in self.blocks])

    def knows(self, half_width: float, least: int) -> bool:
        """Tell whether there are enough blocks, and their mean is known so well."""
        if len(self.blocks) < least:
            return False
        mean, u, df = self.scatter
        return df > 0 and t975(df) * u <= half_width * mean

    def add(self, block: Block | str, around: Sequence[Witness], least_share: float) -> None:
        """Take a block, or the reason why there is none, with the witnesses at its ends."""
        if isinstance(block, str):
            self.discarded.append(block)
            return
        share = block.work.share if block.work.watched else None
        self.shares += [] if share is None else [share]
        slowed = "slowed" if any(one.slowed for one in around) else ""
        reason = sharing_note(around) or slowed or disturbance(share, least_share)
        if reason:
            self.discarded.append(reason)
            self.refused += around
            return
        self.blocks.append(block)
        self.seen += around

    @property
    def call_s(self) -> float:
        """The mean undisturbed call."""
        worked_s = sum(block.window.window_s * block.work.share for block in self.blocks)
        return worked_s / sum(block.work.calls for block in self.blocks)

    def _other_conditions(self, latency_s: float | None) -> str:
        """Return how calls differ from those of the timing, or nothing."""
        if not self.blocks or not latency_s or abs(self.call_s / latency_s - 1) <= APART:
            return ""
        return f"a call took {self.call_s:.3g} s here and {latency_s:.3g} s in the timing"

    def measurement(self, latency_s: float | None = None) -> "Measurement":
        """Return the reading over all blocks; `latency_s` is what the timing says of a call.

        Where something else ran meanwhile and calls took another time than in the timing, joules
        and latency would belong to different loads: there are no joules.
        """
        discarded, apart = tuple(self.discarded), self._other_conditions(latency_s)
        loaded = bool(self.shares) and min(self.shares) < CALM_SHARE
        if not self.blocks or (apart and loaded):
            spoilt = f"disturbed: {apart}" if apart else discarded[-1] if discarded else "none"
            reason = self.absence or f"no block was valid: {spoilt}"
            share = fmean(self.shares) if self.shares else None
            absent = replace(unavailable(self.meter.scope, reason), work_share=share)
            reading = annotate(absent, self.meter, self.refused)
            return Measurement(self.meter.key, reading, (), discarded, None)
        scatter = self.scatter
        reading = _with_idle(_checked(self._reading(scatter), self.blocks), self.meter, self.idles)
        reading = reading.flagged("latency_apart") if apart else reading
        known = scatter.interval if scatter.df else None
        return Measurement(self.meter.key, reading, tuple(self.blocks), discarded, known)

    def _reading(self, scatter: Estimate) -> Reading:
        whole = _pooled([block.window for block in self.blocks])
        j = sum(block.j for block in self.blocks)
        each_calls = [block.work.calls for block in self.blocks]
        watched = all(block.work.watched for block in self.blocks)
        share, calls = j / whole.j if whole.j else 1.0, sum(each_calls)
        phases, spent = [block.phase for block in self.blocks], [block.j for block in self.blocks]
        apart = share_u(share) if watched else 0.0
        # Over repeats the error of the windows' ends is part of the scatter.
        ends = 0.0 if scatter.df else whole.u_j * share / calls
        estimate = with_known(scatter, math.hypot(self.meter.u_rel, apart) * scatter.mean, ends)
        reading = replace(
            reading_of(self.meter, whole, self.seen),
            j=j,
            u_j=math.hypot(whole.u_j * share, self.meter.u_rel * j, apart * j),
            work_share=share if watched else None,
            call_s=self.call_s,
            phase_steps=len(set(phases)),
            units=calls,
            j_per_unit=estimate.mean,
            u_j_per_unit=estimate.u,
            interval=estimate.interval if estimate.df else None,
        )
        spread = stratum_spread(spent, each_calls, phases)
        flags = {"aliasing": spread > ALIASING, "unwatched": not watched}
        return reading.flagged(*(flag for flag, raised in flags.items() if raised))


@dataclass(frozen=True)
class Measurement:
    """The energy of a call: the reading over all blocks kept, and the blocks themselves."""

    key: str
    reading: Reading
    blocks: tuple[Block, ...]
    discarded: tuple[str, ...]
    on_this_card: tuple[float, float] | None
    """95 % of J per unit, without the instrument's own error."""


def take_block(
    run: Runner,
    meters: Sequence[MeterBlocks],
    phase: tuple[int, float],
    pace: Clock,
    watch: Watch,
    least_share: float = KEEP_SHARE,
) -> None:
    """Work for one window under all meters, and give each its block.

    `phase` is the number of the phase and its delay after a tick of the first meter that steps.
    """
    around = [witnesses(one.meter) for one in meters]
    stepping = [one for one in meters if one.meter.stepping]
    if stepping:
        wait_for_phase(stepping[0].meter.counts, phase[1], pace)
    look = watch.look()
    with ExitStack() as stack:
        watches = {id(one): _watched(one, pace, stack) for one in stepping}
        start = pace.ns(), [one.meter.counts() for one in meters]
        lead_s = LEAD_TICKS * max((one.period_s for one in stepping), default=0.0)
        stretch = run(for_seconds(max(one.window_s for one in meters) + lead_s, pace))
        stop = [one.meter.counts() for one in meters], pace.ns()
    held_back = throttle_note(look, watch.look())
    pace.wait(2 * max(map(_behind_s, meters)))
    for index, one in enumerate(meters):
        ticks = watches.get(id(one))
        ends = (start[1][index], stop[0][index]), (start[0], stop[1])
        block = held_back or _block(one, stretch, ticks, *ends)
        if isinstance(block, Block):
            block = replace(block, phase=phase[0])
        one.add(block, around[index] + witnesses(one.meter), least_share)


def for_seconds(seconds: float, pace: Clock) -> More:
    """Return what tells a runner to go on for some time."""
    stop_ns = pace.ns() + round(seconds * 1e9)
    return lambda: pace.ns() < stop_ns


def _behind_s(one: MeterBlocks) -> float:
    """Return how late what was sampled or logged in the block can be known."""
    return max(0.0 if one.meter.stepping else one.meter.lag_s, SAMPLE_S if one.power else 0.0)


def _watched(one: MeterBlocks, pace: Clock, stack: ExitStack) -> TickWatch:
    ticks = TickWatch(one.meter.counts, pace, period_s=one.period_s)
    stack.enter_context(pace.repeat(ticks.look))
    return ticks


def _block(
    one: MeterBlocks,
    stretch: Stretch,
    ticks: TickWatch | None,
    counts: tuple[Counts, Counts],
    span_ns: tuple[int, int],
) -> Block | str:
    """Cut a meter's window out of a stretch of work, or say why there is none."""
    meter, worked = one.meter, (stretch.starts_ns[0], stretch.ends_ns[-1])
    try:
        if ticks is not None:
            window = align_window(meter, ticks.ticks, worked, min_s=one.window_s)
        else:
            window = between(meter, *counts, span_ns, meter.lag_s)
    except (NoValue, CounterReset) as problem:
        return str(problem)
    if reason := misfit(meter, window.window_s):
        return reason
    work = work_in(stretch, window.start_ns, window.stop_ns)
    integral = None
    if one.power is not None:
        with suppress(NoValue):  # the check is missing then, the block is not
            integral = one.power.joules((window.start_ns,), (window.stop_ns,))
    return Block(window, work, integral_j=integral)


def _pooled(windows: Sequence[Window]) -> Window:
    """Return one window that holds all the given ones."""
    tick_s = [window.tick_s for window in windows if window.tick_s]
    return Window(
        j=sum(window.j for window in windows),
        u_j=math.hypot(*(window.u_j for window in windows)),
        window_s=sum(window.window_s for window in windows),
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
    if not pairs or sum(j for j, _ in pairs) <= 0:
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

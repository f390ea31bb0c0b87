"""Baseline: the power of a device that is there and has nothing to do, and net energy.

Two idles differ by tens of watts: without a context, and with the context resident and the
clocks dropped. The second is what a process pays for waiting, and is meant by `context`. It is
measured before and after the work; where the two differ by more than `DRIFT` something else
changed, and the reading is flagged. See `docs/log/instruments.md`.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from adabench.profilers.energy.counter_ticks import TickWatch
from adabench.profilers.energy.counter_window import MIN_TICKS, align_window, between
from adabench.profilers.energy.meter import EnergyMeter
from adabench.profilers.energy.provenance import Reading
from adabench.profilers.timing.pacing import HOST, Clock

DRIFT = 0.05


class Idle(NamedTuple):
    """Mean idle power and its standard uncertainty, the meter's own error not included."""

    watts: float
    u_w: float
    kind: str


def idle_power(
    meter: EnergyMeter,
    seconds: float = 5.0,
    pace: Clock = HOST,
    *,
    period_s: float = 0.0,
    kind: str = "context",
) -> Idle:
    """Measure the power while nothing runs, from tick to tick where the meter steps.

    A known period saves readings.

    Raises:
        NoValue: if the time is too short for the meter.
        CounterReset: if its counter ran backwards.
    """
    start_ns, before = pace.ns(), meter.counts()
    if meter.stepping:
        watch = TickWatch(meter.counts, pace, period_s=period_s)
        with pace.repeat(watch.look):
            pace.wait(seconds)
        window = align_window(meter, watch.ticks, (start_ns, pace.ns()), min_s=seconds / MIN_TICKS)
    else:
        pace.wait(seconds)
        after, stop_ns = meter.counts(), pace.ns()
        pace.wait(2 * meter.lag_s)  # a log may be behind
        window = between(meter, before, after, (start_ns, stop_ns), meter.lag_s)
    return Idle(window.watts, window.u_j / window.window_s, kind)


def join_idles(idles: Sequence[Idle]) -> tuple[Idle, bool]:
    """Return the mean of idle powers taken before and after, and whether they drifted apart.

    Raises:
        ValueError: for no idle.
    """
    if not idles:
        raise ValueError("There is no idle power to join.")
    watts = [idle.watts for idle in idles]
    mean = sum(watts) / len(watts)
    half_w = (max(watts) - min(watts)) / 2
    u_w = math.hypot(half_w, *(idle.u_w / len(idles) for idle in idles))
    return Idle(mean, u_w, idles[0].kind), max(watts) - min(watts) > DRIFT * mean


def with_net(reading: Reading, idle: Idle, u_rel: float) -> Reading:
    """Add net joules to a reading of known length; the idle power counts for the work's share of it.

    `u_rel` is the meter's own relative error. Gross and idle share it, so that it scales the
    net value; the idle power's scatter and the window's ends come on top. Work that drew less
    than idle has a negative net, which is kept and flagged.
    """
    if reading.j is None or reading.u_j is None or reading.window_s is None:
        return reading
    work_s = reading.window_s * (1.0 if reading.work_share is None else reading.work_share)
    net_j = reading.j - idle.watts * work_s
    ends_j = math.sqrt(max(reading.u_j**2 - (u_rel * reading.j) ** 2, 0.0))
    u_net_j = math.hypot(u_rel * net_j, ends_j, idle.u_w * work_s)
    named = replace(reading, idle_w=idle.watts, idle_kind=idle.kind, net_j=net_j, u_net_j=u_net_j)
    return named.flagged("below_idle") if net_j < 0 else named

"""Turns readings of a counter into the joules of a stretch of work, in one of three ways, the best first.

`align_window` cuts at two ticks inside the work; `pad_window` starts at a tick and subtracts the idle rest of the last period;
`between` reads at both ends whatever the counter does. A window too short for its meter is refused. `u_j` is the error of the
two ends alone (k = 1).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from adabench.profilers.energy.counter_ticks import Tick, bracket_u_s, lag_u_s, spacing
from adabench.profilers.energy.external_log import External
from adabench.profilers.energy.meter import Counts, EnergyMeter, NoValue

EDGE_SHARE = 8
"""One in this many ticks, and at most two, may be passed over at either end for one with a
narrower bracket."""
MIN_TICKS = 5
"""Below it a missed tick is too large a part of a window."""


@dataclass(frozen=True)
class Window:
    """The joules between two moments."""

    j: float
    u_j: float
    window_s: float
    ticks: int
    tick_s: float | None
    aligned: bool
    start_ns: int
    stop_ns: int
    flags: tuple[str, ...] = ()

    @property
    def watts(self) -> float:
        """The mean power."""
        return self.j / self.window_s


def align_window(
    meter: EnergyMeter, ticks: Sequence[Tick], span_ns: tuple[int, int], *, min_s: float
) -> Window:
    """Cut a window at two ticks within a stretch of work.

    Args:
        meter: whose ticks these are.
        ticks: all that were seen, in order.
        span_ns: when the work began and ended.
        min_s: the shortest window to accept.

    Raises:
        NoValue: if the window is too short or holds too few ticks.
        CounterReset: if the counter ran backwards anywhere in it.
    """
    inside = [tick for tick in ticks if span_ns[0] <= tick.ns <= span_ns[1]]
    if len(inside) < MIN_TICKS:
        raise NoValue(f"too short: {len(inside)} ticks in the window, it takes {MIN_TICKS}")
    margin = min(max(1, len(inside) // EDGE_SHARE), 3)
    first = min(inside[:margin], key=lambda tick: tick.gap_ns)
    last = min(reversed(inside[-margin:]), key=lambda tick: tick.gap_ns)
    kept = [tick for tick in inside if first.ns <= tick.ns <= last.ns]
    length_s = (last.ns - first.ns) / 1e9
    if length_s < min_s:
        raise NoValue(f"too short: {length_s:.3g} s, {meter.kind} needs {min_s:g} s")
    joules = sum(meter.joules(one.counts, other.counts) for one, other in pairwise(kept))
    return Window(
        j=joules,
        u_j=joules / length_s * bracket_u_s(first, last),
        window_s=length_s,
        ticks=len(kept),
        tick_s=spacing(kept)[0],
        aligned=True,
        start_ns=first.ns,
        stop_ns=last.ns,
    )


def pad_window(meter: EnergyMeter, first: Tick, stop_ns: int, tail: Sequence[Tick]) -> Window:
    """Return the joules from a tick to `stop_ns`, given the three ticks after it.

    The work ends between two ticks. What the counter gained from then to the first tick of
    the tail is idle, at the power of the tail's next period; how much that differs from the
    period after it is the uncertainty.

    Raises:
        CounterReset: if the counter ran backwards.
    """
    at, then, later = tail
    spans_s = [(then.ns - at.ns) / 1e9, (later.ns - then.ns) / 1e9]
    idle = [meter.joules(at.counts, then.counts), meter.joules(then.counts, later.counts)]
    idle_w = idle[0] / spans_s[0]
    rest_s, length_s = (at.ns - stop_ns) / 1e9, (stop_ns - first.ns) / 1e9
    joules = meter.joules(first.counts, at.counts) - idle_w * rest_s
    drift_w = abs(idle_w - idle[1] / spans_s[1])
    ends = max(joules, 0.0) / length_s * bracket_u_s(first, at)
    return Window(
        j=max(joules, 0.0),
        u_j=(ends**2 + (drift_w * rest_s) ** 2) ** 0.5,
        window_s=length_s,
        ticks=round(length_s / spans_s[0]),
        tick_s=sum(spans_s) / 2,
        aligned=True,
        start_ns=first.ns,
        stop_ns=stop_ns,
        flags=("idle_padded",),
    )


def between(
    meter: EnergyMeter, before: Counts, after: Counts, span_ns: tuple[int, int], period_s: float
) -> Window:
    """Return the joules between two readings that were taken at arbitrary moments.

    A meter on another machine's clock adds what the two clocks may be apart.

    Raises:
        NoValue: if the meter has nothing for this window.
        CounterReset: if the counter ran backwards.
    """
    joules, length_s = meter.joules(before, after), (span_ns[1] - span_ns[0]) / 1e9
    clocks_j = meter.clock_u_j(before, after) if isinstance(meter, External) else 0.0
    return Window(
        j=joules,
        u_j=math.hypot(joules / length_s * lag_u_s(period_s), clocks_j),
        window_s=length_s,
        ticks=int(length_s / period_s) if period_s else 0,
        tick_s=period_s or None,
        aligned=False,
        start_ns=span_ns[0],
        stop_ns=span_ns[1],
    )

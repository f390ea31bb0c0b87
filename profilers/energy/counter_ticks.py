"""Ticks: the moments at which an energy counter jumps.

A counter is published every 10 to 100 ms, and the period differs by board and driver, so it is
found and not assumed. Between two jumps the value stands still: a window read at arbitrary
moments has lost a random share of a period at either end, `T / sqrt(6)` times the power in
standard deviation, 4 % of a second at 100 ms. A window from jump to jump has not.
The power sensors of A100 and H100 see 25 ms of every 100 ms: a load of that period is read up to 60 % off. Groups that begin
a further `period / STEPS` after a tick remove the error (`delays_s`); J per unit that differs between phases shows it.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from adabench.profilers.energy.meter import Counts
from adabench.profilers.nvml import Unmetered
from adabench.profilers.timing.pacing import HOST, Clock

POLL_S = 1e-3
LIMIT_S = 2.0
"""A counter that stands still for longer is not working: the slowest known one takes 0.1 s."""
SLEEP_SHARE = 0.8
"""Of a known period: nothing is polled before that much of it has passed."""

LATE = 3.0
"""A bracket this many times the usual one comes from a poll that was held up."""

Read = Callable[[], Counts]


class NoTick(Unmetered):
    """The counter did not move."""


class Tick(NamedTuple):
    """A jump of a counter: its time, the width of the bracket around it, the new value."""

    ns: int
    gap_ns: int
    counts: Counts


class Period(NamedTuple):
    """How often a counter is published, from `ticks` jumps; `read_s` is what a reading costs."""

    period_s: float
    ticks: int
    read_s: float
    spread: float
    """Median absolute deviation of the spacings over their median."""


class TickWatch:
    """Collects the ticks of a counter; `look` is what a `Clock` repeats.

    With a known period it sleeps through most of each, so that watching costs little.
    """

    def __init__(
        self, read: Read, pace: Clock = HOST, *, period_s: float = 0.0, poll_s: float = POLL_S
    ) -> None:
        self.ticks: list[Tick] = []
        self.readings = 0
        self.reading_ns = 0
        self._read, self._pace = read, pace
        self._poll_s, self._asleep_s = poll_s, max(SLEEP_SHARE * period_s, poll_s)
        self._last: tuple[int, Counts] | None = None

    def look(self) -> float:
        """Read once, note a tick if the value is new, and return the pause until the next look."""
        start_ns = self._pace.ns()
        counts = self._read()
        stop_ns = self._pace.ns()
        self.readings += 1
        self.reading_ns += stop_ns - start_ns
        last, self._last = self._last, (start_ns, counts)
        if last is None or last[1] == counts:
            return self._poll_s
        self.ticks.append(Tick((last[0] + stop_ns) // 2, stop_ns - last[0], counts))
        return self._asleep_s


def next_tick(
    read: Read, pace: Clock = HOST, *, limit_s: float = LIMIT_S, poll_s: float = POLL_S
) -> Tick:
    """Wait until the counter jumps.

    Raises:
        NoTick: if it does not within `limit_s`.
    """
    watch = TickWatch(read, pace, poll_s=poll_s)
    give_up_ns = pace.ns() + round(limit_s * 1e9)
    while not watch.ticks:
        if pace.ns() > give_up_ns:
            raise NoTick(
                f"The energy counter did not move within {limit_s:g} s.",
                "Update the driver, or measure with another meter.",
            )
        pace.wait(watch.look())
    return watch.ticks[0]


def find_period(read: Read, pace: Clock = HOST, *, ticks: int = 50) -> Period:
    """Poll a counter over some ticks and return its period.

    The lower quartile of the spacings says how many periods lie between two ticks that were
    seen (one, or more if ticks were slept over); the whole span over that number is the period.

    Raises:
        NoTick: if the counter stands still.
        ValueError: if fewer than three ticks are asked for.
    """
    if ticks < 3:
        raise ValueError("A period takes at least three ticks.")
    watch = TickWatch(read, pace)
    while len(watch.ticks) < ticks:
        seen, give_up_ns = len(watch.ticks), pace.ns() + round(LIMIT_S * 1e9)
        while len(watch.ticks) == seen:
            if pace.ns() > give_up_ns:
                raise NoTick(f"The energy counter stood still after {seen} ticks.")
            pace.wait(watch.look())
    period_s, spread = spacing(watch.ticks)
    return Period(period_s, ticks, watch.reading_ns / watch.readings / 1e9, spread)


def spacing(ticks: Sequence[Tick]) -> tuple[float, float]:
    """Return the period of a series of ticks in seconds and the relative spread of spacings.

    Ticks with a wide bracket are left out: the poll was late, and may have slept over one.
    """
    usual_ns = median(tick.gap_ns for tick in ticks)
    times = [tick.ns for tick in ticks if tick.gap_ns <= LATE * usual_ns]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    single = sorted(gaps)[len(gaps) // 4]
    periods = [max(1, round(gap / single)) for gap in gaps]
    each = [gap / count for gap, count in zip(gaps, periods, strict=True)]
    middle = median(each)
    spread = median(abs(gap - middle) for gap in each) / middle
    return (times[-1] - times[0]) / sum(periods) / 1e9, spread


def lag_u_s(period_s: float) -> float:
    """Return the standard uncertainty of a window's length if it is read between ticks."""
    return period_s / math.sqrt(6)


def bracket_u_s(first: Tick, last: Tick) -> float:
    """Return the standard uncertainty of a window's length from tick to tick."""
    return math.hypot(first.gap_ns, last.gap_ns) / math.sqrt(12) / 1e9


STEPS = 4
ALIASING = 0.03
FINE_POLL_S = 1e-4
"""Half a millisecond of 25 is 1 % of what the steps are to remove, so these ticks are sharp."""


def delays_s(period_s: float, steps: int = STEPS) -> tuple[float, ...]:
    """Return the delays after a tick, in equal steps over one period.

    Raises:
        ValueError: for less than one step.
    """
    if steps < 1:
        raise ValueError("The phase takes at least one step.")
    return tuple(step * period_s / steps for step in range(steps))


def wait_for_phase(read: Read, delay_s: float, pace: Clock = HOST) -> Tick:
    """Wait for the next tick and then for the delay, and return the tick."""
    tick = next_tick(read, pace, poll_s=FINE_POLL_S)
    elapsed_s = (pace.ns() - tick.ns) / 1e9
    pace.wait(max(delay_s - elapsed_s, 0.0))
    return tick

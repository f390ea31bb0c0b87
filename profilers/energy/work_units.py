"""Units of work: run a call again and again, and say when, and which units were disturbed.

An energy window is cut at the counter's ticks, which fall anywhere; how much work lies in it
follows from the times at which units began and ended. A unit is as many calls as take `UNIT_S`
(one, if that is longer), so that looking at the clock and at the kernel's witness between two units
costs little beside a call of microseconds. See `docs/log/instruments.md`.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import repeat
from time import perf_counter_ns
from typing import NamedTuple

from adabench.profilers.timing.disturbance import DELAY_SHARE, SAMPLE_S

UNIT_S = 2 * SAMPLE_S
AGAIN_BELOW_S = 1.0
"""A first call that is shorter is tried again before it is believed: it may have been slow."""
MOST_CALLS = 100_000

More = Callable[[], bool]
Nanoseconds = Callable[[], int]


class Stretch(NamedTuple):
    """Units of work one after the other."""

    starts_ns: Sequence[int]
    ends_ns: Sequence[int]
    waits_ns: Sequence[int] | None
    """How long the thread waited for a processor in each unit; None where nobody tells."""
    calls: int
    """Calls in a unit."""


class Work(NamedTuple):
    """What a window holds of undisturbed work."""

    share: float
    calls: float
    watched: bool


Runner = Callable[[More], Stretch]
"""Runs units as long as it is told to, and at least one."""


def host_units(
    call: Callable[[], object],
    size: int = 1,
    *,
    waited_ns: Callable[[], int | None] = lambda: None,
    wait: Callable[[], None] | None = None,
    clock_ns: Nanoseconds = perf_counter_ns,
) -> Runner:
    """Return the runner of units of `size` calls.

    `wait` is called after each call: it waits for a device, as a timed lap does. `waited_ns` is
    the kernel's count of the thread's waiting so far.
    """
    unit = _unit(call, size, wait)

    def run(more: More) -> Stretch:
        starts, ends, waits = array("q"), array("q"), array("q")
        before = waited_ns()
        watched = before is not None
        while not ends or more():
            starts.append(clock_ns())
            unit()
            ends.append(clock_ns())
            if watched:
                after = waited_ns() or before or 0
                waits.append(after - (before or 0))
                before = after
        return Stretch(starts, ends, waits if watched else None, size)

    return run


def calls_per_unit(
    call: Callable[[], object],
    *,
    wait: Callable[[], None] | None = None,
    clock_ns: Nanoseconds = perf_counter_ns,
) -> int:
    """Return how many calls take `UNIT_S`, by the fastest of a few tries."""
    size = 1
    while True:
        unit, best_s = _unit(call, size, wait), float("inf")
        for _ in range(3):
            start_ns = clock_ns()
            unit()
            took_s = (clock_ns() - start_ns) / 1e9
            best_s = min(best_s, took_s)
            if best_s >= AGAIN_BELOW_S:
                break
        if best_s >= UNIT_S or size >= MOST_CALLS:
            return size
        size = max(2 * size, int(size * UNIT_S / max(best_s, UNIT_S / 100)))


def work_in(stretch: Stretch, start_ns: int, stop_ns: int) -> Work:
    """Return what lies between two moments; a unit under way at either counts in proportion."""
    first = bisect_right(stretch.ends_ns, start_ns)
    last = bisect_left(stretch.starts_ns, stop_ns)
    work_ns, units = 0.0, 0.0
    for index in range(first, last):
        begin_ns, end_ns = stretch.starts_ns[index], stretch.ends_ns[index]
        length_ns = end_ns - begin_ns
        if stretch.waits_ns and stretch.waits_ns[index] > DELAY_SHARE * length_ns:
            continue
        inside_ns = min(end_ns, stop_ns) - max(begin_ns, start_ns)
        work_ns += inside_ns
        units += inside_ns / length_ns if length_ns else 1.0
    share = min(work_ns / (stop_ns - start_ns), 1.0)
    return Work(share, units * stretch.calls, stretch.waits_ns is not None)


def _unit(
    call: Callable[[], object], size: int, wait: Callable[[], None] | None
) -> Callable[[], None]:
    def alone() -> None:
        for _ in repeat(None, size):
            call()

    if wait is None:
        return alone
    device_is_done = wait

    def awaited() -> None:
        for _ in repeat(None, size):
            call()
            device_is_done()

    return awaited

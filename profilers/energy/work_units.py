"""Units of work: run one again and again, and say when each was done.

An energy window is cut at the counter's ticks, which fall anywhere; how much work lies in it
follows from the times at which units ended. On the host that is the clock after each unit. On
a GPU it is an event per unit, placed on the host's clock by one synchronisation at the start;
the queue stays some units ahead, so that the device never waits for the host.
"""

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

More = Callable[[], bool]
Runner = Callable[[More], list[int]]
"""Runs units as long as it is told to; returns when it began and when each unit ended."""

AHEAD = 16
"""Units in the queue of the device."""


def host_units(unit: Callable[[], object]) -> Runner:
    """Return the runner of a unit that is done when it returns."""

    def run(more: More) -> list[int]:
        edges_ns = [perf_counter_ns()]
        while more():
            unit()
            edges_ns.append(perf_counter_ns())
        return edges_ns

    return run


def cuda_units(unit: Callable[[], object], cuda: Any, *, batch: int = 1) -> Runner:
    """Return the runner of a unit that is enqueued; `cuda` is `torch.cuda`.

    `batch` units share an event and count as one: choose it so that a batch takes a
    millisecond or more, or the events cost as much as the work.
    """

    def run(more: More) -> list[int]:
        cuda.synchronize()
        start = cuda.Event(enable_timing=True)
        start.record()
        start.synchronize()
        start_ns, ends = perf_counter_ns(), list[Any]()
        while more():
            for _ in range(batch):
                unit()
            ends.append(cuda.Event(enable_timing=True))
            ends[-1].record()
            if len(ends) > AHEAD:
                ends[-AHEAD].synchronize()
        cuda.synchronize()
        return [start_ns, *(start_ns + round(start.elapsed_time(end) * 1e6) for end in ends)]

    return run

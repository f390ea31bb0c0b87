"""A ceiling's value, and the two that come from watching an energy counter on an idle machine.

The counter is polled, faster than any counter steps; what is kept is the time and the reading
of every step. The median spacing is its period; joules over time from the first step to the
last is the idle power, free of the error of windows that begin and end between steps.
"""

import itertools
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from adabench.profilers.energy.rapl import Rapl
from adabench.profilers.nvml import Unmetered, current_uuid, find_board, open_nvml

POLL_S = 0.0005
BUSY = "Others were using the processors."
LOWER_IS_BETTER = frozenset({"s", "W"})
"""Units of ceilings of which the smaller is the better machine."""


@dataclass(frozen=True)
class Ceiling:
    """One measured bound, or why there is none."""

    value: float | None = None
    unit: str = ""
    u_rel: float | None = None
    """Relative standard uncertainty, k = 1."""
    samples: int = 0
    instrument: str = ""
    unavailable: str = ""
    passing: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain data without what is empty."""
        return {k: v for k, v in asdict(self).items() if v not in (None, "", False, 0)}


def steps(
    read: Callable[[], float],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> list[tuple[float, float]]:
    """Watch a counter and return (time, reading) of every step seen in `seconds`."""
    seen: list[tuple[float, float]] = []
    last, deadline = read(), clock() + seconds
    while (now := clock()) < deadline:
        count = read()
        if count != last:
            seen.append((now, count))
            last = count
        sleep(POLL_S)
    return seen


def period(seen: Sequence[tuple[float, float]]) -> Ceiling:
    """Return the median spacing of a counter's steps."""
    gaps = [b - a for (a, _), (b, _) in itertools.pairwise(seen)]
    if len(gaps) < 5:
        return Ceiling(unavailable=f"The counter stepped {len(seen)} times while watched.")
    middle = statistics.median(gaps)
    scatter = statistics.stdev(gaps) / math.sqrt(len(gaps))
    u_rel = math.hypot(scatter, POLL_S / math.sqrt(12)) / middle
    return Ceiling(middle, "s", u_rel, len(gaps), f"host clock, polled every {POLL_S * 1e3:g} ms")


def power(seen: Sequence[tuple[float, float]], instrument: str) -> Ceiling:
    """Return joules per second between the first step and the last; readings are joules."""
    if len(seen) < 6:
        return Ceiling(unavailable=f"The counter stepped {len(seen)} times while watched.")
    middle = len(seen) // 2
    halves = [_watts(seen[0], seen[middle]), _watts(seen[middle], seen[-1])]
    whole = _watts(seen[0], seen[-1])
    return Ceiling(whole, "W", statistics.stdev(halves) / whole, len(seen), instrument)


def _watts(start: tuple[float, float], stop: tuple[float, float]) -> float:
    return (stop[1] - start[1]) / (stop[0] - start[0])


def energy(seconds: float, *, busy: bool) -> Iterator[tuple[str, Ceiling]]:
    """Yield the step and the idle power of each energy counter there is."""
    for name, opened, watch_s in (
        ("gpu", _gpu_joules, 20 * seconds),
        ("cpu", _cpu_joules, seconds),
    ):
        try:
            read, instrument = opened()
        except Unmetered as absent:
            yield f"counter_period_{name}", Ceiling(unavailable=str(absent))
            yield f"idle_power_{name}", Ceiling(unavailable=str(absent))
            continue
        seen = steps(read, watch_s)
        yield f"counter_period_{name}", period(seen)
        idle = power(seen, instrument)
        if busy and name == "cpu":
            idle = Ceiling(unavailable=BUSY, passing=True)
        yield f"idle_power_{name}", idle


def _gpu_joules() -> tuple[Callable[[], float], str]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        open_nvml()  # its reason is the better one
        raise Unmetered("torch finds no CUDA device.")
    torch.cuda.synchronize()
    time.sleep(1.0)  # clocks and power fall after the matrix products
    nvml = open_nvml()
    handle = find_board(nvml, current_uuid(torch.cuda))
    try:
        nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except nvml.NVMLError as problem:
        raise Unmetered(f"The GPU has no energy counter: {problem}.") from problem
    return (
        lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3,
        "NVML energy counter, context resident",
    )


def _cpu_joules() -> tuple[Callable[[], float], str]:
    meter = Rapl()
    start = meter.counts()
    return lambda: meter.joules(start, meter.counts()), "RAPL package counters"

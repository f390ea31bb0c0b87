"""Clocks, the hot loop that times every iteration, and the witness of disturbance.

Every lap is timed by itself. Tools that time a batch of loops as one sample cannot be robust:
on a busy machine a sample of 10 ms surely holds a slice of somebody else, and no statistic
gets it out again. The median of single laps does; what it costs is one pair of clock readings
per lap (0.14 to 0.25 us where this was measured, see `benchmarks/overhead.json`).
See `docs/log/instruments.md`.
"""

import gc
import os
from array import array
from collections.abc import Callable, Mapping
from itertools import repeat
from pathlib import Path
from threading import get_native_id
from time import perf_counter_ns, process_time_ns
from typing import Any, NamedTuple, Self, TypeVar

from adabench.profilers import process_tree
from adabench.profilers.timing.cuda import waiting
from adabench.profilers.timing.foreign_load import ForeignLoad

T = TypeVar("T")

SCHEDSTAT = Path("/proc/thread-self/schedstat")


class Wall:
    """Elapsed seconds of the block on the monotonic performance counter: `wall_s`."""

    name = "wall"
    intrusive = False
    min_window_s = 0.0
    levels: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self._start_ns = self._stop_ns = 0

    def __enter__(self) -> Self:
        self._start_ns = perf_counter_ns()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop_ns = perf_counter_ns()

    def read(self) -> Mapping[str, float]:
        """Return the time between entry and exit."""
        return {"wall_s": (self._stop_ns - self._start_ns) / 1e9}


class Cpu:
    """Processor seconds of this process, its threads and its descendants: `cpu_s`."""

    name = "cpu"
    intrusive = False
    min_window_s = 0.0
    levels: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self._start = self._stop = CpuReading(0, 0)

    def __enter__(self) -> Self:
        self._start = read_cpu()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop = read_cpu()

    def read(self) -> Mapping[str, float]:
        """Return the processor time between entry and exit."""
        return {"cpu_s": self._start.until(self._stop) / 1e9}


class CpuReading(NamedTuple):
    """Processor time so far, before and after the reading itself, in nanoseconds."""

    first_ns: int
    last_ns: int

    def until(self, later: "CpuReading") -> int:
        """Return what was used between two readings, without what the readings took.

        A child whose end nobody waited for is lost; what is then too small is at least 0.
        """
        return max(later.first_ns - self.last_ns, 0)


def read_cpu() -> CpuReading:
    """Read the processor time of this process and of all that it ever started.

    Children that ended and were waited for are exact. Those that live are known in steps of the
    kernel's clock tick (10 ms), and only where /proc tells. Costs 30 us and more.
    """
    first_ns = process_time_ns()
    living_ns = sum(map(process_tree.cpu_ns, process_tree.descendants(os.getpid())))
    others_ns = living_ns + process_tree.ended_children_ns()
    return CpuReading(first_ns + others_ns, process_time_ns() + others_ns)


class RunDelay:
    """Seconds this thread was ready to run and had no processor: `run_delay_s` (Linux).

    Only the thread that enters is watched, not a library's worker threads, and time that a
    hypervisor takes away (steal) is not in it. A zero is a measured zero. Opening and closing
    costs 7 us; a reading through the open descriptor 1.2 us, too much for every lap of a
    short call and little beside one of 100 us.
    """

    name = "run delay"
    intrusive = False
    min_window_s = 0.0
    levels: frozenset[str] = frozenset()

    def __init__(self, path: Path = SCHEDSTAT) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._start_ns: int | None = None
        self._stop_ns: int | None = None

    def __enter__(self) -> Self:
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY)
        except OSError:
            self._descriptor = None
        self._stop_ns = None
        self._start_ns = self.now_ns()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop_ns = self.now_ns()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def now_ns(self) -> int | None:
        """Return the delay so far in nanoseconds, or None; only between entry and exit."""
        return None if self._descriptor is None else _run_delay_ns(self._descriptor)

    def read(self) -> Mapping[str, float]:
        """Return the delay between entry and exit; nothing where the kernel does not tell."""
        if self._start_ns is None or self._stop_ns is None:
            return {}
        return {"run_delay_s": (self._stop_ns - self._start_ns) / 1e9}


class Delay:
    """The run delay through a descriptor that stays open over many blocks, of the thread that asks.

    The kernel's file is that of the thread which opened it, so another thread (or a forked
    child) that asks gets a descriptor of its own.
    """

    def __init__(self, path: Path = SCHEDSTAT) -> None:
        self._path = path
        self._owner = 0
        self._descriptor: int | None = None

    def now_ns(self) -> int | None:
        """Return the delay so far in nanoseconds, or None where the kernel does not tell."""
        if self._owner != get_native_id():
            self.close()
            self._owner = get_native_id()
            try:
                self._descriptor = os.open(self._path, os.O_RDONLY)
            except OSError:
                self._descriptor = None
        return None if self._descriptor is None else _run_delay_ns(self._descriptor)

    def close(self) -> None:
        """Give the descriptor back; the next question opens another."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._owner, self._descriptor = 0, None


def _run_delay_ns(descriptor: int) -> int | None:
    fields = os.pread(descriptor, 96, 0).split()  # time on cpu, run delay, slices
    return int(fields[1]) if len(fields) >= 2 else None


def lap(call: Callable[[], T], loops: int) -> tuple["array[int]", T]:
    """Call `loops` times and time each call by itself.

    Args:
        call: the work; it must be ready to be done again and again.
        loops: how many times, at least 1.

    Returns:
        The laps in nanoseconds, in order (`loops` of them), and the last answer.

    Raises:
        ValueError: if `loops` is below 1.
    """
    laps = _blank(loops)
    return laps, _timed(call, laps, 0, loops, waiting())


def sample_laps(
    call: Callable[[], T], loops: int, per_sample: int, delay: "RunDelay | Delay | ForeignLoad"
) -> tuple["array[int]", "array[int] | None", T]:
    """Time each call as `lap` does, and look between samples how long the thread waited.

    A sample is `per_sample` laps; the last may be shorter. One look (1 to 2 us) stands between
    two samples, in no lap, so a wait that falls there is laid on the later one.

    Returns:
        The laps, and the run delay of each sample or None where the kernel does not tell
        it, both in nanoseconds; and the last answer.

    Raises:
        ValueError: if `loops` or `per_sample` is below 1.
    """
    if per_sample < 1:
        raise ValueError(f"A sample cannot be {per_sample} laps.")
    laps, wait = _blank(loops), waiting()
    delays = array("q", bytes(8 * -(-loops // per_sample)))
    before = delay.now_ns()
    if before is None:
        return laps, None, _timed(call, laps, 0, loops, wait)
    answer: Any = None
    for index in range(len(delays)):
        answer = None
        start = index * per_sample
        answer = _timed(call, laps, start, min(start + per_sample, loops), wait)
        after = delay.now_ns() or before
        delays[index] = after - before
        before = after
    return laps, delays, answer


def _blank(loops: int) -> "array[int]":
    if loops < 1:
        raise ValueError(f"A call cannot be timed {loops} times.")
    gc.collect(1)
    return array("q", bytes(8 * loops))


def _timed(
    call: Callable[[], T],
    laps: "array[int]",
    start: int,
    stop: int,
    wait: Callable[[], None] | None,
) -> T:
    if wait is None:
        return _host_laps(call, laps, start, stop)
    return _device_laps(call, laps, start, stop, wait)


def _host_laps(call: Callable[[], T], laps: "array[int]", first: int, stop: int) -> T:
    clock = perf_counter_ns
    answer: Any = None
    for index in range(first, stop):
        answer = None
        start = clock()
        answer = call()
        laps[index] = clock() - start
    return answer  # type: ignore[no-any-return]


def _device_laps(
    call: Callable[[], T], laps: "array[int]", first: int, stop: int, wait: Callable[[], None]
) -> T:
    clock = perf_counter_ns
    answer: Any = None
    for index in range(first, stop):
        answer = None
        wait()
        start = clock()
        answer = call()
        wait()
        laps[index] = clock() - start
    return answer  # type: ignore[no-any-return]


def settle(laps: "array[int]") -> Mapping[str, float]:
    """Return `latency_s` (the median lap), `latency_min_s` and `loops`; laps in nanoseconds.

    The median of one lap is that lap; of an even number the mean of the middle two.
    """
    ordered = sorted(laps)
    middle = len(ordered) // 2
    median_ns = (ordered[middle] + ordered[~middle]) / 2
    return {
        "latency_s": median_ns / 1e9,
        "latency_min_s": ordered[0] / 1e9,
        "loops": float(len(ordered)),
    }


def take_witnessed(
    call: Callable[[], object], loops: int, delay: "RunDelay | Delay"
) -> tuple["array[int]", "array[int] | None"]:
    """Time each call and note how long it was kept from a processor: `sample_laps` lap by lap.

    Returns:
        Laps and run delays in nanoseconds (`loops` each); None for the delays where the
        kernel does not tell them.
    """
    laps, delays, _ = sample_laps(call, loops, 1, delay)
    return laps, delays


def busy_call(seconds: float) -> Callable[[], None]:
    """Return a pure-Python loop that keeps one processor busy for about `seconds`.

    It is calibrated by its fastest of several trials, so a busy machine does not shorten it.
    """

    def spin(steps: int) -> None:
        for _ in repeat(None, steps):
            pass

    trial = 5_000
    fastest_ns = min(lap(lambda: spin(trial), 40)[0])
    steps = max(1, round(trial * seconds * 1e9 / fastest_ns))
    return lambda: spin(steps)


def absence() -> tuple[str, str] | None:
    """Say why there is no run delay here, and the remedy; None where there is."""
    with RunDelay() as delay:
        if delay.now_ns() is not None:
            return None
    return (
        "The kernel does not tell how long a thread waits for a processor.",
        "On Linux, a kernel with CONFIG_SCHED_INFO and a mounted /proc tells it.",
    )

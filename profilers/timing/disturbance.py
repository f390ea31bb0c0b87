"""Finds disturbed samples by what the kernel tells; drops, counts and shows them (`docs/log/instruments.md`).

A sample is consecutive laps of about `SAMPLE_S`. It is disturbed if the thread waited for a processor for more than
`DELAY_SHARE` of it (or, of a call in several processes, if others had more than `FOREIGN_SHARE` of the machine), or if
its block was throttled (quota, heat, slow clock). A block with fewer kept samples than `KEEP_SHARE` is `invalid`; where schedstat is missing it is `unwatched`, which is not the same as undisturbed.
"""

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Literal, NamedTuple

from adabench.profilers.timing.clock import Delay, sample_laps, settle
from adabench.profilers.timing.foreign_load import FOREIGN_SHARE, ForeignLoad

SAMPLE_S = 100e-6
"""Long beside a look (1 to 2 us), short beside a slice of the scheduler (3 ms)."""
DELAY_SHARE = 0.01
"""A kept sample is at most this much too long."""
KEEP_SHARE = 0.9
SLOW_CLOCK = 0.75
"""NVBench's limit for a GPU, taken for processors too."""
SLOW_READ_S = 100e-6

Verdict = Literal["valid", "invalid", "unwatched"]


class Limit(NamedTuple):
    """How large a share of a sample may be lost, and what it was lost to."""

    share: float
    cause: str


OWN_WAIT = Limit(DELAY_SHARE, "waited for a processor")
FOREIGN_LOAD = Limit(FOREIGN_SHARE, "others had a processor")


class Look(NamedTuple):
    """What the machine-wide witnesses said at one moment; None is a question without answer."""

    at_ns: int
    pressure_ns: int | None = None
    """So long at least one thread had to wait for a processor, since the machine started."""
    throttles: int | None = None
    """How often a quota ran out or a package got too hot."""
    slow_clock: bool | None = None


@dataclass
class Samples:
    """Laps of one or more blocks and which of them were disturbed; grows by `add`."""

    laps: "array[int]" = field(default_factory=lambda: array("q"))
    kept: "array[int]" = field(default_factory=lambda: array("q"))
    """The laps of samples that were not disturbed; all laps where nobody watched."""
    taken: int = 0
    dropped: int = 0
    watched: bool = True
    causes: Counter[str] = field(default_factory=Counter)
    span: "tuple[Look, Look] | None" = None
    """The first and the last look."""

    @property
    def kept_share(self) -> float:
        """The share of samples that is left."""
        return (self.taken - self.dropped) / self.taken

    def verdict(self, keep_share: float = KEEP_SHARE) -> Verdict:
        """Say whether enough was left; nobody's watching is a verdict of its own."""
        if self.kept_share < keep_share:
            return "invalid"
        return "valid" if self.watched else "unwatched"

    def values(self) -> dict[str, float]:
        """Return median, mean and least lap of what was kept, and how much that was.

        `samples_dropped` is absent where nobody watched. `loops` counts every lap.
        """
        used = self.kept or self.laps
        found = {
            **settle(used),
            "latency_mean_s": sum(used) / len(used) / 1e9,
            "loops": float(len(self.laps)),
            "samples": float(self.taken),
        }
        if self.watched:
            found["samples_dropped"] = float(self.dropped)
        share = pressure(*self.span) if self.span else None
        if share is not None:
            found["cpu_pressure"] = share
        return found

    def says(self, keep_share: float = KEEP_SHARE) -> str:
        """Return a sentence for an invalid block, else nothing."""
        if self.verdict(keep_share) != "invalid":
            return ""
        why = ", ".join(f"{cause}: {count}" for cause, count in self.causes.most_common())
        return (
            f"timing invalid: {self.taken - self.dropped} of {self.taken} samples undisturbed "
            f"({why}); at least {keep_share:.0%} are needed"
        )

    def add(
        self,
        laps: "array[int]",
        delays: "array[int] | None",
        per_sample: int,
        looks: tuple[Look, Look],
        limit: Limit = OWN_WAIT,
    ) -> "array[int]":
        """Judge the samples of a block; return the laps it adds to `kept`."""
        count, cause = -(-len(laps) // per_sample), throttle_note(*looks)
        spoilt = range(count) if cause else _waited(laps, delays, per_sample, limit.share)
        kept = laps[:0] if cause else laps[:]
        if not cause:
            for index in reversed(spoilt):
                del kept[index * per_sample : (index + 1) * per_sample]
        self.taken += count
        self.dropped += len(spoilt)
        if spoilt:
            self.causes[cause or limit.cause] += len(spoilt)
        self.span = ((self.span or looks)[0], looks[1])
        self.watched = self.watched and delays is not None
        self.laps.extend(laps)
        self.kept.extend(kept)
        return kept


def _waited(
    laps: "array[int]", delays: "array[int] | None", per_sample: int, share: float
) -> Sequence[int]:
    """Return the samples that waited for too large a share of their time."""
    if delays is None or not any(delays):
        return ()
    starts = range(0, len(laps), per_sample)
    return [
        index
        for index, (start, delay) in enumerate(zip(starts, delays, strict=True))
        if delay and delay > share * sum(laps[start : start + per_sample])
    ]


def throttle_note(before: Look, after: Look) -> str:
    """Return what held the processor back between two looks, or nothing."""
    if before.throttles is not None and (after.throttles or 0) > before.throttles:
        return "throttled"
    return "slow clock" if after.slow_clock else ""


def pressure(first: Look, last: Look) -> float | None:
    """Return the share of the time between two looks in which some thread waited."""
    if first.pressure_ns is None or last.pressure_ns is None or last.at_ns <= first.at_ns:
        return None
    return min(1.0, (last.pressure_ns - first.pressure_ns) / (last.at_ns - first.at_ns))


class Watch:
    """Every witness of this machine, opened once.

    `root` is where /proc and /sys are looked for; `slowed` asks further devices (a GPU) whether
    they are held back right now.
    """

    def __init__(self, root: Path = Path("/"), slowed: Callable[[], bool] | None = None) -> None:
        self.delay: Delay | ForeignLoad = Delay(root / "proc/thread-self/schedstat")
        self._limit, self._root = OWN_WAIT, root
        self.absent: dict[str, str] = {}
        self._slowed = slowed
        self._pressure = self._open("CPU pressure", [root / "proc/pressure/cpu"])
        self._quota = self._open("CPU quota", quota_files(root))
        self._heat = self._open("thermal throttling", heat_files(root))
        self._clock = self._open("processor clock", clock_files(root))
        self._base_khz = base_khz(root)
        self._without_what_is_slow()
        if self.delay.now_ns() is None:
            self.absent["run delay"] = "The kernel does not tell; no sample can be called calm."

    def look(self) -> Look:
        """Ask the machine-wide witnesses."""
        return Look(
            perf_counter_ns(),
            _total(self._pressure, b"total=", scale=1000),
            self._throttles(),
            self._slow_clock(),
        )

    def take(
        self, call: Callable[[], Any], loops: int, per_sample: int, into: Samples
    ) -> tuple["array[int]", Any]:
        """Time a block into `into`; return the laps that were kept and the last answer."""
        before = self.look()
        laps, delays, answer = sample_laps(call, loops, per_sample, self.delay)
        after = self.look()
        return into.add(laps, delays, per_sample, (before, after), self._limit), answer

    def watch_strangers(self) -> None:
        """Watch what other programs took of the machine, for calls that run in several processes."""
        self.delay.close()
        self.delay, self._limit = ForeignLoad(self._root / "proc"), FOREIGN_LOAD

    def close(self) -> None:
        """Give the descriptors back."""
        self.delay.close()
        for descriptor in (*self._pressure, *self._quota, *self._heat, *self._clock):
            os.close(descriptor)
        self._pressure = self._quota = self._heat = self._clock = ()

    def _throttles(self) -> int | None:
        counts = (_total(self._quota, b"nr_throttled "), _total(self._heat, b""))
        told = [count for count in counts if count is not None]
        return sum(told) if told else None

    def _slow_clock(self) -> bool | None:
        if self._slowed is not None and self._slowed():
            return True
        if not self._clock or self._base_khz is None:
            return None
        fastest_khz = max(_number(_read(descriptor)) or 0 for descriptor in self._clock)
        return fastest_khz < SLOW_CLOCK * self._base_khz

    def _open(self, name: str, paths: Iterable[Path]) -> tuple[int, ...]:
        opened = []
        for path in paths:
            try:
                opened.append(os.open(path, os.O_RDONLY))
            except OSError:
                continue
        if not opened:
            self.absent[name] = "This kernel, or this container, does not tell."
        return tuple(opened)

    def _without_what_is_slow(self) -> None:
        start_ns = perf_counter_ns()
        for descriptor in self._clock:
            _read(descriptor)
        if perf_counter_ns() - start_ns > SLOW_READ_S * 1e9:
            for descriptor in self._clock:
                os.close(descriptor)
            self._clock = ()
            self.absent["processor clock"] = "It takes too long to read to be asked every block."


def pressure_absence() -> tuple[str, str] | None:
    """Say why there is no CPU pressure here, and the remedy; None where it is told."""
    watch = Watch()
    told = watch.look().pressure_ns is not None
    watch.close()
    if told:
        return None
    return (
        "The kernel does not tell whether threads wait for a processor.",
        "On Linux, a kernel with CONFIG_PSI (and psi=1) and a mounted /proc tells it.",
    )


def quota_files(root: Path) -> Sequence[Path]:
    """Return `cpu.stat` of this process's control group, of version 2 or 1."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ()
    found = []
    for _, controllers, own in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if controllers == "" or "cpu" in controllers.split(","):
            folder = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
            found.append(folder / own.strip("/") / "cpu.stat")
    return found


def heat_files(root: Path) -> Sequence[Path]:
    """Return the throttle counter of each package, once."""
    packages: dict[str, Path] = {}
    for folder in sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*")):
        counter = folder / "thermal_throttle/package_throttle_count"
        if counter.exists():
            topology = folder / "topology/physical_package_id"
            name = topology.read_text() if topology.exists() else ""
            packages.setdefault(name, counter)
    return tuple(packages.values())


def clock_files(root: Path) -> Sequence[Path]:
    """Return the current clock of each processor this process may use.

    Which of them ran the thread is not asked (it moves); the fastest stands for it.
    """
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    folder = root / "sys/devices/system/cpu"
    return [folder / f"cpu{index}/cpufreq/scaling_cur_freq" for index in sorted(mine)]


def base_khz(root: Path) -> int | None:
    """Return the base clock, which a healthy processor keeps under load; None if not told."""
    for path in sorted((root / "sys/devices/system/cpu").glob("cpu*/cpufreq/base_frequency")):
        return _number(path.read_bytes())
    return None


def _read(descriptor: int) -> bytes:
    try:
        return os.pread(descriptor, 4096, 0)
    except OSError:  # a processor that went offline
        return b""


def _total(descriptors: Sequence[int], after: bytes, scale: int = 1) -> int | None:
    """Sum the first number behind `after` in each file; None where none has one."""
    numbers = []
    for descriptor in descriptors:
        text = _read(descriptor)
        number = _number(text.partition(after)[2] if after else text)
        if number is not None:
            numbers.append(number)
    return scale * sum(numbers) if numbers else None


def _number(text: bytes) -> int | None:
    first = text.split(None, 1)[:1]
    return int(first[0]) if first and first[0].isdigit() else None

"""Takes one block of work apart by operator (torch.profiler) or by function (cProfile): `watch(call, folder)`.

None of this is a timing: tables say where time goes, `plain_s` how long the block takes with nothing switched on. A roof's
`fraction` is the least time for the work over the time seen; above 1 the bytes came from a cache. See `docs/log/instruments.md`.
"""

import importlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from adabench.profilers.timing.clock import lap, settle
from adabench.profilers.timing.cuda import context, waiting

PLAIN_LAPS = 5
MOST_FUNCTIONS = 200
"""Functions kept of cProfile's list; the rest are many and small."""

Place = Literal["core", "cpu", "gpu"]


@dataclass(frozen=True)
class Line:
    """An operator of torch, or a Python function: all its calls together."""

    name: str
    calls: int
    self_s: float
    """Host time in itself and in nothing it called, under the profiler."""
    device_s: float | None = None
    """Time of its kernels on the device."""
    flops: int | None = None
    moved_bytes: int | None = None

    def seconds(self, place: Place) -> float:
        """Return the time that counts where the work runs."""
        return (self.device_s or 0.0) if place == "gpu" else self.self_s


class Kernel(NamedTuple):
    """What ran on the device under one name."""

    name: str
    calls: int
    device_s: float


@dataclass(frozen=True)
class Trace:
    """What was seen of one block."""

    instrument: Literal["torch.profiler", "cProfile"]
    blind: str
    """What this instrument cannot see."""
    place: Place
    dtype: str
    """The type that most FLOPs were computed in."""
    threads: int
    plain_s: float
    traced_s: float
    lines: tuple[Line, ...]
    """The most time first."""
    kernels: tuple[Kernel, ...] = ()
    files: tuple[Path, ...] = ()
    uncounted: tuple[str, ...] = ()
    """Operators that carry work which `flops` lacks, for want of a formula."""

    @property
    def flops(self) -> int | None:
        """All FLOPs that torch has a formula for; None where no operator has one."""
        return _total(line.flops for line in self.lines)

    @property
    def moved_bytes(self) -> int | None:
        """All bytes of tensors read and written, by `traffic.py`'s model."""
        return _total(line.moved_bytes for line in self.lines)


PLAIN = (Trace, Line, Kernel)
"""The classes that a trace is made of."""


def _total(counts: Iterable[int | None]) -> int | None:
    """Return the sum of what was counted; None where nothing was, which is not a count of 0."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


@dataclass(frozen=True)
class Roof:
    """The two ceilings of a machine, and where they come from."""

    flop_per_s: float
    bandwidth_bytes_per_s: float
    source: str

    def floor_s(self, flops: float | None, moved_bytes: float | None) -> float:
        """Return the least time for so much work."""
        return max((flops or 0) / self.flop_per_s, (moved_bytes or 0) / self.bandwidth_bytes_per_s)

    def fraction(
        self, flops: float | None, moved_bytes: float | None, seconds: float
    ) -> float | None:
        """Return the floor over the time seen; None where no work was counted, or no time."""
        if (flops is None and moved_bytes is None) or seconds <= 0:
            return None
        return self.floor_s(flops, moved_bytes) / seconds


def roof(
    ceilings: Mapping[str, Any], place: Place, dtype: str, threads: int, whence: str
) -> Roof | None:
    """Pick the ceilings of a profile that hold for this place and type; None where one is missing.

    `ceilings` has items with a `value` under `copy_<place>` and `gemm_<place>_<dtype>`. Where all
    cores were not measured (a busy machine) the bound is that of one core times the threads.
    """
    found = _pair(ceilings, place, dtype)
    if found is None and place == "cpu":
        one = _pair(ceilings, "core", dtype)
        found = None if one is None else (one[0] * threads, one[1] * threads)
        place_words = f"{threads} x one core"
    else:
        place_words = {"core": "one core", "cpu": "all cores", "gpu": "GPU"}[place]
    if found is None:
        return None
    return Roof(*found, f"{whence}: copy and {dtype} matrix product, {place_words}")


def _pair(ceilings: Mapping[str, Any], place: str, dtype: str) -> tuple[float, float] | None:
    values = [
        getattr(ceilings.get(key), "value", None) for key in (f"gemm_{place}_{dtype}", f"copy_{place}")
    ]  # fmt: skip
    gemm, copy = values
    return (gemm, copy) if gemm and copy else None


def watch(call: Callable[[], object], folder: Path) -> Trace:
    """Run the block several times, plain and traced, and write the trace's files into `folder`.

    `call` is called once unmeasured, so that what happens only once is not in the trace.

    Raises:
        OSError: if the files cannot be written.
    """
    call()
    plain_s = settle(lap(call, PLAIN_LAPS)[0])["latency_s"]
    if "torch" in sys.modules:
        traffic: Any = importlib.import_module("adabench.profilers.compute.traffic")
        ledger = traffic.Ledger()
        with traffic.Traffic(ledger):
            call()
        if ledger.operators:
            return _by_torch(call, folder / "trace.json", plain_s, ledger)
    return _by_cprofile(call, folder / "functions.pstats", plain_s)


def _by_torch(call: Callable[[], object], chrome: Path, plain_s: float, ledger: Any) -> Trace:
    import torch
    from torch.profiler import ProfilerActivity, profile

    on_gpu = context() is not None
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as profiler:
        traced_s = _timed(call)
    profiler.export_chrome_trace(str(chrome))
    rows = list(profiler.key_averages())
    hosted = [row for row in rows if row.device_type.name == "CPU"]
    kernels = [Kernel(row.key, row.count, row.self_device_time_total / 1e6)
               for row in rows if row.device_type.name != "CPU"]  # fmt: skip
    place: Place = "gpu" if on_gpu else "cpu" if torch.get_num_threads() > 1 else "core"
    lines = [_line(row, ledger.operators.get(row.key), on_gpu=on_gpu) for row in hosted]
    return Trace(
        "torch.profiler",
        "Time of an operator is host time under the profiler, which adds some microseconds to "
        "each call. FLOPs are those torch has formulas for; kernels of one's own have none. An "
        "operator that ran within another shows its time, its FLOPs and bytes stand with the "
        "outer one. What is not torch (numpy, Python in between) is not in the table.",
        place, ledger.main_type, torch.get_num_threads(), plain_s, traced_s,
        tuple(sorted(lines, key=lambda line: -line.seconds(place))),
        tuple(sorted(kernels, key=lambda kernel: -kernel.device_s)),
        (chrome,),
        tuple(sorted(name for name, seen in ledger.operators.items() if seen.uncounted)),
    )  # fmt: skip


def _line(row: Any, moved: Any, *, on_gpu: bool) -> Line:
    """Torch gives microseconds."""
    device_s = row.self_device_time_total / 1e6 if on_gpu else None
    flops, moved_bytes = (moved.flops, moved.moved_bytes) if moved else (None, None)
    return Line(row.key, row.count, row.self_cpu_time_total / 1e6, device_s, flops, moved_bytes)


def _by_cprofile(call: Callable[[], object], stats: Path, plain_s: float) -> Trace:
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    profiler.enable()
    try:
        traced_s = _timed(call)
    finally:
        profiler.disable()
    profiler.dump_stats(stats)
    table: Any = pstats.Stats(profiler)
    lines = [
        Line(_function(*where), row[1], row[2])
        for where, row in table.stats.items()
        if _timed.__code__.co_filename != where[0]
    ]
    lines.sort(key=lambda line: -line.self_s)
    return Trace(
        "cProfile",
        "No torch operator ran, so torch.profiler has nothing to show and there is no Chrome "
        "trace. Compiled code (numba, numpy) is one opaque call: the table cannot see into it, "
        "and FLOPs and bytes are not counted.",
        "core", "float32", 1, plain_s, traced_s, tuple(lines[:MOST_FUNCTIONS]), (), (stats,),
    )  # fmt: skip


def _function(file: str, line: int, name: str) -> str:
    """Name a function by the last two parts of its file."""
    if file == "~":
        return name
    return f"{'/'.join(Path(file).parts[-2:])}:{line} {name}"


def _timed(call: Callable[[], object]) -> float:
    wait = waiting() or (lambda: None)
    wait()
    start_ns = time.perf_counter_ns()
    call()
    wait()
    return (time.perf_counter_ns() - start_ns) / 1e9

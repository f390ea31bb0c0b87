"""Measures what a machine can do at most: copies (`copy_*`), matrix products (`gemm_*`), launches, timer, noise, energy counters.

The suffix says of what: `core` is one thread, `cpu` all cores, `gpu` the first CUDA device. A value is the median of eight blocks'
fastest laps. While others use the processors `*_cpu` is not measured: a parallel region waits for its slowest thread. It is measured
in two rounds, before and after what one core can do, so that a load that came or went shows. Run it by `measure_apart`: measuring imports torch and may make a CUDA context. See `docs/log/instruments.md`.
"""

import importlib
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from adabench.profilers.hardware import idle_power, noise
from adabench.profilers.hardware.host import HERE, Machine, usable_cores
from adabench.profilers.hardware.idle_power import BUSY, LOWER_IS_BETTER, Ceiling
from adabench.profilers.nvml import Unmetered
from adabench.profilers.timing.clock import lap

QUICK_S = 0.15
"""Seconds per ceiling for a check; `calibrate` takes ten times as long."""
BLOCKS = 8
DTYPES = ("float32", "float64", "bfloat16", "float16")


@dataclass(frozen=True)
class Ceilings:
    """Everything that was measured, and who else was busy meanwhile."""

    values: Mapping[str, Ceiling]
    company: noise.OtherLoad
    disturbed: float | None
    """Share of the noise watch's laps that waited for a processor."""

    @property
    def busy(self) -> bool:
        """Whether a slow value may be somebody else's doing."""
        return self.company.busy or (self.disturbed or 0.0) > noise.DISTURBED

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        values = {name: item.to_json() for name, item in self.values.items()}
        return {
            "values": values,
            "company": asdict(self.company),
            "disturbed": self.disturbed,
        }


def measure_apart(seconds: float = QUICK_S) -> Ceilings:
    """Measure every ceiling in a process of its own, so that this one stays as it is.

    Raises:
        Unmetered: if that process fails.
    """
    command = [sys.executable, "-P", "-m", "adabench.profilers.hardware.ceilings", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unmetered(f"The ceilings could not be measured: {last}")
    return from_json(json.loads(done.stdout))


def from_json(data: Mapping[str, Any]) -> Ceilings:
    """Rebuild ceilings from plain data."""
    values = {name: Ceiling(**item) for name, item in data["values"].items()}
    return Ceilings(values, noise.OtherLoad(**data["company"]), data["disturbed"])


def measure(seconds: float = QUICK_S, machine: Machine = HERE) -> Ceilings:
    """Measure every ceiling, each for about `seconds`."""
    observer = noise.LoadObserver(machine)
    laps = noise.watch(max(seconds, 0.1))
    values = {"timer_resolution": _timer(seconds), "noise_floor": _noise(laps)}
    first = _all_cores(seconds, observer)
    values |= _torch_ceilings("core", seconds)
    values |= together(first, _all_cores(seconds, observer))
    values |= _torch_ceilings("gpu", seconds)
    values |= dict(idle_power.energy(seconds, busy=observer.company().busy))
    return Ceilings(values, observer.company(), laps.disturbed)


def _all_cores(seconds: float, observer: noise.LoadObserver) -> dict[str, Ceiling]:
    """Return what all cores do together, or that others used them before or meanwhile."""
    if not observer.company().busy:
        found = _torch_ceilings("cpu", seconds)
        if not observer.company().busy:
            return found
    return dict.fromkeys(_names("cpu"), Ceiling(unavailable=BUSY, passing=True))


def together(first: Mapping[str, Ceiling], second: Mapping[str, Ceiling]) -> dict[str, Ceiling]:
    """Return the better of two rounds of each ceiling; their distance is part of its uncertainty.

    What one round could not measure is not measured: the other stood beside the same load.
    """
    return {name: _better(first[name], second[name]) for name in first}


def _better(a: Ceiling, b: Ceiling) -> Ceiling:
    if a.value is None or b.value is None:
        return a if a.value is None else b
    best = a if (a.value < b.value) == (a.unit in LOWER_IS_BETTER) else b
    apart = abs(math.log(a.value / b.value))
    return replace(best, u_rel=max(best.u_rel or 0.0, apart), samples=a.samples + b.samples)


def best_of(call: Callable[[], object], seconds: float) -> tuple[list[int], int]:
    """Return the fastest lap of each block in nanoseconds, and how many laps there were."""
    first_ns = min(lap(call, 2)[0])
    loops = max(1, round(seconds * 1e9 / BLOCKS / max(first_ns, 1)))
    return [min(lap(call, loops)[0]) for _ in range(BLOCKS)], BLOCKS * loops


def _names(place: str) -> list[str]:
    return [f"copy_{place}", *(f"gemm_{place}_{dtype}" for dtype in DTYPES), f"launch_{place}"]


def _torch_ceilings(place: str, seconds: float) -> dict[str, Ceiling]:
    """Return copy, matrix products and launches of one core, all cores or the GPU."""
    try:
        torch = importlib.import_module("torch")
    except ModuleNotFoundError:
        return dict.fromkeys(_names(place), Ceiling(unavailable="torch is not installed."))
    device = "cuda" if place == "gpu" else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        reason = "torch finds no CUDA device."
        return dict.fromkeys(_names(place), Ceiling(unavailable=reason))
    torch.set_num_threads(usable_cores() if place == "cpu" else 1)
    measures: list[Callable[[], Ceiling]] = [
        partial(_copy, torch, device, seconds),
        *(partial(_gemm, torch, device, dtype, seconds) for dtype in DTYPES),
        partial(_launch, torch, device, seconds),
    ]
    return {name: _tried(call) for name, call in zip(_names(place), measures, strict=True)}


def _tried(measure: Callable[[], Ceiling]) -> Ceiling:
    """Measure, or say why not: torch raises RuntimeError for lack of memory or of a kernel."""
    try:
        return measure()
    except RuntimeError as problem:
        return Ceiling(unavailable=str(problem).strip().splitlines()[0], passing=True)


def _copy(torch: Any, device: str, seconds: float) -> Ceiling:
    """Copy through buffers larger than caches; on a CPU in slices of 8 MiB, on a GPU whole."""
    whole = 2**30 if device == "cuda" else min(2**28, (HERE.memory_bytes() or 2**32) // 32)
    piece = whole if device == "cuda" else 2**23
    source = torch.ones(whole, dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    pairs = list(zip(source.split(piece), target.split(piece), strict=True))
    place = iter(range(10**9))

    def call() -> None:
        start, stop = pairs[next(place) % len(pairs)]
        stop.copy_(start)

    for _ in pairs:  # every page is there before a lap is timed
        call()
    laps_ns, count = best_of(call, seconds)
    size = f"{piece >> 20} MiB of {whole >> 20} MiB"
    return _rate(2 * piece, "B/s", laps_ns, count, f"copies of {size}, {_where(torch, device)}")


def _gemm(torch: Any, device: str, dtype: str, seconds: float) -> Ceiling:
    half = dtype in ("bfloat16", "float16")
    n = (
        (256 if torch.get_num_threads() == 1 else 512)
        if device == "cpu"
        else (8192 if half else 4096)
    )
    kind = getattr(torch, dtype)
    # Random, since a GPU that multiplies constants draws less power and clocks higher.
    a, b = (torch.randn((n, n), device=device).to(kind) for _ in range(2))
    out = torch.empty_like(a)
    laps_ns, count = best_of(lambda: torch.mm(a, b, out=out), seconds)
    return _rate(2 * n**3, "FLOP/s", laps_ns, count, f"{n} x {n} x {n}, {_where(torch, device)}")


def _launch(torch: Any, device: str, seconds: float, queue: int = 100) -> Ceiling:
    one = torch.zeros(1, device=device)

    def call() -> None:
        for _ in range(queue):
            one.add_(1)

    laps_ns, count = best_of(call, seconds)
    middle = statistics.median(laps_ns)
    u_rel = statistics.stdev(laps_ns) / middle
    instrument = f"{queue} additions to one element, {_where(torch, device)}"
    return Ceiling(middle / queue / 1e9, "s", u_rel, count, instrument)


def _rate(work: float, unit: str, laps_ns: Sequence[int], count: int, how: str) -> Ceiling:
    middle = statistics.median(laps_ns)
    u_rel = statistics.stdev(laps_ns) / middle
    return Ceiling(work / middle * 1e9, unit, u_rel, count, f"host clock, fastest lap: {how}")


def _where(torch: Any, device: str) -> str:
    if device == "cuda":
        return str(torch.cuda.get_device_name())
    count = torch.get_num_threads()
    return f"{count} thread{'s' * (count > 1)}"


def _timer(seconds: float) -> Ceiling:
    """Return the least time between two readings in a row."""
    clock = time.perf_counter_ns
    smallest, count, deadline = 10**9, 0, clock() + round(seconds * 1e9)
    while clock() < deadline:
        step = -(clock() - clock())
        if step > 0:
            smallest, count = min(smallest, step), count + 1
    instrument = "perf_counter, least step between two readings in a row"
    return Ceiling(smallest / 1e9, "s", 0.5 / math.sqrt(3) / smallest, count, instrument)


def _noise(laps: noise.Laps) -> Ceiling:
    floor, samples = laps.floor, len(laps.laps_ns) // noise.BLOCK
    if floor is None:
        return Ceiling(unavailable="Too few samples ran undisturbed.", passing=True)
    u_rel = 1 / math.sqrt(2 * (samples - 1))  # of a standard deviation, normal samples
    instrument = "sd of the log of block medians, loop of 100 us, undisturbed laps"
    return Ceiling(floor, "1", u_rel, samples, instrument)


def main() -> None:
    """Measure here and write JSON: the other half of `measure_apart`."""
    found = measure(float(sys.argv[1]))
    sys.stdout.write(json.dumps(found.to_json()))


if __name__ == "__main__":
    main()

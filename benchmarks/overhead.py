"""What measuring costs: our hot loop beside pyperf, pytest-benchmark and torch's Timer.

    python benchmarks/overhead.py [--rivals PYTHON] [--out benchmarks/overhead.json]

Two figures per tool, all in one sitting on one machine:

- *overhead*: what the tool's own timing loop takes per iteration over an empty call, less what
  the same call takes in a bare loop. A tool that times a batch of iterations as one sample is
  cheaper here, and pays elsewhere: one preemption spoils the whole batch. So the iterations per
  sample, as the tool chose them for the busy loop, stand beside it.
- *wall / measured*: how long the whole measuring call takes, over the time that was inside a
  sample (the tool's own warm-ups and calibrations count as measured where it records them). The
  work is a pure-Python loop of about 100 us. pyperf starts processes by design, so their start
  is in its wall; the others are timed within the process.

`--rivals` names an interpreter that has pyperf and pytest-benchmark; a tool that is not
installed has no row. The last line is the JSON that `--out` stores.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any

from adabench.harness.provenance.environment import fingerprint
from adabench.profilers.probe import measured, open_probes
from adabench.profilers.timing.clock import lap, settle

UNIT_S = 100e-6
BAR_OVERHEAD_US = 0.5
BAR_RATIO = 1.15

PYPERF = """
import pyperf
def empty(): pass
def unit():
    for _ in range({steps}): pass
runner = pyperf.Runner()
runner.bench_func("{name}", {name})
"""

PYPERF_READ = """
import json, pyperf, statistics, sys
bench = pyperf.Benchmark.load(sys.argv[1])
runs = bench.get_runs()
timed = sum(
    sum(run.values) * run.get_loops() + sum(loops * value for loops, value in run.warmups)
    for run in runs
)
print(json.dumps({
    "version": pyperf.__version__, "mean_s": bench.mean(), "median_s": bench.median(),
    "timed_s": timed, "iterations": runs[-1].get_loops(), "samples": bench.get_nvalue(),
}))
"""

PYTEST = """
import json
from time import perf_counter
import pytest_benchmark
def empty(): pass
def unit():
    for _ in range({steps}): pass
def test_unit(benchmark):
    start = perf_counter()
    benchmark(unit)
    wall = perf_counter() - start
    stats = benchmark.stats
    save("unit", dict(wall_s=wall, timed_s=sum(stats.stats.data) * stats.iterations,
        median_s=stats.stats.median, iterations=stats.iterations, samples=len(stats.stats.data)))
def test_empty(benchmark):
    start = perf_counter()
    benchmark.pedantic(empty, rounds={loops}, iterations=1)
    save("empty", dict(wall_s=perf_counter() - start))
def save(name, found):
    found["version"] = pytest_benchmark.__version__
    with open({folder!r} + "/" + name + ".json", "w") as file: json.dump(found, file)
"""


def main() -> None:
    """Measure, print a table, and store the figures if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rivals", default=sys.executable, help="interpreter with the rivals")
    parser.add_argument("--out", type=Path, help="where to store the JSON")
    arguments = parser.parse_args()
    steps = calibrate()
    bare_us = statistics.median(bare(empty, 200_000) for _ in range(5))
    rows = [ours(steps, bare_us), ours_in_blocks(steps)]
    rows += [row for row in rivals(arguments.rivals, steps, bare_us) if row]
    document = {
        "unit_s": UNIT_S,
        "bare_call_us": round(bare_us, 4),
        "bars": {"overhead_us": BAR_OVERHEAD_US, "wall_over_measured": BAR_RATIO},
        "tools": rows,
        "machine": fingerprint(),
    }
    for row in rows:
        print(line(row))
    print(json.dumps(document))
    if arguments.out:
        arguments.out.write_text(json.dumps(document, indent=1) + "\n")


def ours(steps: int, bare_us: float, loops: int = 5_000) -> dict[str, Any]:
    """One block of 5,000 laps within every probe this machine has."""
    unit = spin(steps)
    empties = [timed(lambda: lap(empty, 200_000)) / 200_000 * 1e6 for _ in range(5)]
    start = perf_counter()
    with measured(open_probes()):
        laps, _ = lap(unit, loops)
    median_s = settle(laps)["latency_s"]
    wall_s = perf_counter() - start
    overhead_us = statistics.median(empties) - bare_us
    return row("adabench", overhead_us, wall_s, sum(laps) / 1e9, median_s, 1, loops)


def ours_in_blocks(steps: int, blocks: int = 100, loops: int = 50) -> dict[str, Any]:
    """As a run does it, in blocks with their own entry and exit of the probes; of 5 ms, a run's are
    2.
    """
    unit = spin(steps)
    timed_ns, medians = 0, []
    start = perf_counter()
    probes = open_probes()
    for _ in range(blocks):
        with measured(probes):
            laps, _ = lap(unit, loops)
        timed_ns += sum(laps)
        medians.append(settle(laps)["latency_s"])
    wall_s = perf_counter() - start
    median_s = statistics.median(medians)
    return row("adabench, 5 ms blocks", None, wall_s, timed_ns / 1e9, median_s, 1, blocks * loops)


def rivals(python: str, steps: int, bare_us: float) -> list[dict[str, Any] | None]:
    """Run every rival that is installed."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            pyperf(python, Path(folder), steps, bare_us) if has(python, "pyperf") else None,
            pytest_benchmark(python, Path(folder), steps, bare_us)
            if has(python, "pytest_benchmark")
            else None,
            torch_timer(steps, bare_us) if importlib.util.find_spec("torch") else None,
        ]


def pyperf(python: str, folder: Path, steps: int, bare_us: float) -> dict[str, Any]:
    """`pyperf` with `--fast`: worker processes, a calibrated number of loops per value."""
    found: dict[str, Any] = {}
    for name in ("empty", "unit"):
        script, out = folder / f"perf_{name}.py", folder / f"perf_{name}.json"
        script.write_text(PYPERF.format(steps=steps, name=name))
        start = perf_counter()
        run(python, str(script), "--fast", "--quiet", "-o", str(out), cwd=folder)
        wall_s = perf_counter() - start
        found[name] = json.loads(run(python, "-c", PYPERF_READ, str(out), cwd=folder))
        found[name]["wall_s"] = wall_s
    overhead_us = found["empty"]["mean_s"] * 1e6 - bare_us
    return rival_row(f"pyperf {found['unit']['version']} --fast", overhead_us, found["unit"])


def pytest_benchmark(python: str, folder: Path, steps: int, bare_us: float) -> dict[str, Any]:
    """`pytest-benchmark`: its fixture on the unit, and one round per call on the empty call."""
    loops = 50_000
    test = folder / "test_rival.py"
    test.write_text(PYTEST.format(steps=steps, loops=loops, folder=str(folder)))
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test), cwd=folder)
    unit = json.loads((folder / "unit.json").read_text())
    empty_s = json.loads((folder / "empty.json").read_text())["wall_s"]
    return rival_row(f"pytest-benchmark {unit['version']}", empty_s / loops * 1e6 - bare_us, unit)


def torch_timer(steps: int, bare_us: float) -> dict[str, Any]:
    """`torch.utils.benchmark.Timer.blocked_autorange`, in this process, import not counted."""
    import torch
    from torch.utils.benchmark import Timer

    timers = {name: Timer("f()", globals={"f": f}) for name, f in calls(steps).items()}
    overhead_us = timers["empty"].timeit(200_000).mean * 1e6 - bare_us
    start = perf_counter()
    found = timers["unit"].blocked_autorange(min_run_time=0.5)
    wall_s = perf_counter() - start
    return row(
        f"torch {torch.__version__} Timer.blocked_autorange",
        overhead_us,
        wall_s,
        sum(found.raw_times),
        found.median,
        found.number_per_run,
        len(found.raw_times),
    )


def row(
    tool: str,
    overhead_us: float | None,
    wall_s: float,
    timed_s: float,
    median_s: float,
    iterations: int,
    samples: int,
) -> dict[str, Any]:
    """One line of the table; `iterations` per sample."""
    return {
        "tool": tool,
        "overhead_us": None if overhead_us is None else round(overhead_us, 4),
        "wall_s": round(wall_s, 4),
        "measured_s": round(timed_s, 4),
        "wall_over_measured": round(wall_s / timed_s, 4),
        "median_us": round(median_s * 1e6, 3),
        "iterations_per_sample": iterations,
        "samples": samples,
    }


def rival_row(tool: str, overhead_us: float, found: dict[str, Any]) -> dict[str, Any]:
    """A line from what a rival's script reported."""
    names = ("wall_s", "timed_s", "median_s", "iterations", "samples")
    return row(tool, overhead_us, *(found[name] for name in names))


def line(row: dict[str, Any]) -> str:
    """Draw a line of the table."""
    overhead = "    -   " if row["overhead_us"] is None else f"{row['overhead_us']:5.2f} us"
    return (
        f"{row['tool']:45} overhead {overhead}   wall/measured {row['wall_over_measured']:5.2f}"
        f"   median {row['median_us']:7.1f} us"
        f"   {row['samples']} samples of {row['iterations_per_sample']}"
    )


def calibrate() -> int:
    """Return how many empty steps take about `UNIT_S`, once the processor is awake."""
    laps, _ = lap(spin(5_000), 5_000)
    return round(5_000 * UNIT_S * 1e9 / statistics.median(laps[-1_000:]))


def spin(steps: int) -> Callable[[], None]:
    """Return a loop of so many empty steps, written as in the rivals' scripts."""

    def unit() -> None:
        for _ in range(steps):
            pass

    return unit


def calls(steps: int) -> dict[str, Callable[[], None]]:
    """Return the empty call and the unit by name."""
    return {"empty": empty, "unit": spin(steps)}


def empty() -> None:
    """Do nothing."""


def bare(call: Callable[[], None], loops: int) -> float:
    """Return what one call takes in a loop that does nothing else, in us."""
    start = perf_counter_ns()
    for _ in repeat(None, loops):
        call()
    return (perf_counter_ns() - start) / loops / 1e3


def timed(call: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    start = perf_counter()
    call()
    return perf_counter() - start


def has(python: str, module: str) -> bool:
    """Tell whether an interpreter has a module."""
    check = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", check], check=False).returncode == 0


def run(*command: str, cwd: Path) -> str:
    """Run a command and return what it printed; its errors are shown."""
    done = subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


if __name__ == "__main__":
    main()

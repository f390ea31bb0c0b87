"""A unit of known 100 us on a busy machine: what we report, and what the others do.

    python benchmarks/disturbed.py [--rivals PYTHON] [--busy 8] [--out FILE]

Eight busy loops share two processors with whoever measures (a larger machine is cut down to two
by affinity). How long does the unit take? It is *known*, not calibrated on another day:

- the **unit** spins until its own thread's CPU clock has advanced by 100 us, so it takes that
  much processor time at any clock rate and in any company, plus part of a reading of that
  clock. What it comes to is read from the same clock over thousands of calls (`known_us`).
  Waiting for a processor is not in it, and should be in no tool's figure;
- as a check that the unit is not made for us, **fixed work** (a loop of so many steps) is timed
  too; its known duration is the CPU time of the very laps that were timed.

Every tool runs by its defaults (pyperf `--fast`) while the loops run. Our rows pass if median
and mean of what was kept lie within 5 % and at least 90 % of samples were kept, or if the
verdict is `invalid`; else the script ends with 1. A rival that is not installed has no row.
The last line is the JSON that `--out` stores.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import thread_time_ns
from typing import Any

from adabench.harness.provenance.environment import fingerprint
from adabench.profilers.timing.clock import lap
from adabench.profilers.timing.disturbance import KEEP_SHARE, Watch
from adabench.profilers.timing.stopping import Collection, Target, collect

UNIT_NS = 100_000
PROCESSORS = 2
BAR_ERROR = 0.05

UNIT = f"""
from time import thread_time_ns
def unit():
    end = thread_time_ns() + {UNIT_NS}
    while thread_time_ns() < end: pass
"""

PYPERF = (
    UNIT
    + """
import pyperf
pyperf.Runner().bench_func("unit", unit)
"""
)

PYPERF_READ = """
import json, pyperf, sys
bench = pyperf.Benchmark.load(sys.argv[1])
print(json.dumps({"tool": f"pyperf {pyperf.__version__} --fast", "median_s": bench.median(),
    "mean_s": bench.mean(), "samples": bench.get_nvalue(), "loops": bench.get_runs()[-1].get_loops()}))
"""

PYTEST = (
    UNIT
    + """
import json, pytest_benchmark
def test_unit(benchmark):
    benchmark(unit)
    stats = benchmark.stats.stats
    with open({out!r}, "w") as file:
        json.dump(dict(tool=f"pytest-benchmark {{pytest_benchmark.__version__}}",
            median_s=stats.median, mean_s=stats.mean, samples=len(stats.data),
            loops=benchmark.stats.iterations), file)
"""
)


def main() -> None:
    """Measure in busy company, print the table, store it if asked; end with 1 if we miss."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rivals", default=sys.executable, help="interpreter with the rivals")
    parser.add_argument("--busy", type=int, default=8, help="busy loops beside us")
    parser.add_argument("--laps", type=int, default=5_000)
    parser.add_argument("--ours", action="store_true", help="leave the rivals out")
    parser.add_argument("--out", type=Path, help="where to store the JSON")
    arguments = parser.parse_args()
    narrow()
    with company(arguments.busy), tempfile.TemporaryDirectory() as folder:
        known_s = cpu_s(unit, arguments.laps)
        rows = list(ours(arguments.laps, known_s))
        if not arguments.ours:
            rows += [against(known_s, **row) for row in rivals(arguments.rivals, Path(folder))]
    document = {
        "known_us": round(known_s * 1e6, 3),
        "busy": arguments.busy,
        "processors": len(os.sched_getaffinity(0)),
        "bars": {"error": BAR_ERROR, "kept": KEEP_SHARE},
        "tools": rows,
        "machine": fingerprint(),
    }
    print(f"known: {known_s * 1e6:.2f} us of processor time, {arguments.busy} busy loops")
    for row in rows:
        print(line(row))
    print(json.dumps(document))
    if arguments.out:
        arguments.out.write_text(json.dumps(document, indent=1) + "\n")
    sys.exit(0 if all(passes(row) for row in rows if "verdict" in row) else 1)


def narrow() -> None:
    """Leave this process, and so its children, two processors."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:PROCESSORS])


@contextmanager
def company(count: int) -> Iterator[None]:
    """Run so many busy loops meanwhile, and end these and no others."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def unit() -> None:
    """Take 100 us of this thread's processor time."""
    end = thread_time_ns() + UNIT_NS
    while thread_time_ns() < end:
        pass


def cpu_s(call: Callable[[], None], calls: int) -> float:
    """Return the processor time of one call, over many."""
    start = thread_time_ns()
    for _ in range(calls):
        call()
    return (thread_time_ns() - start) / calls / 1e9


def ours(laps: int, known_s: float) -> Iterator[dict[str, Any]]:
    """Yield our rows: one long block, blocks to a precision, what no dropping gives, fixed work."""
    watch = Watch()
    yield our_row("adabench, one block", collect(unit, laps, 1, watch), known_s)
    target = Target(half_width=0.005, budget_s=20.0)
    yield our_row("adabench, to 0.5 %", collect(unit, 20, 1, watch, target), known_s)
    everything, _ = lap(unit, laps)
    ordered = sorted(everything)
    plain = {"median_s": ordered[laps // 2] / 1e9, "mean_s": sum(ordered) / laps / 1e9}
    yield against(known_s, tool="(the same laps, none dropped)", samples=laps, **plain)
    spent_ns: list[int] = []
    collected = collect(fixed_work(spent_ns), laps, 1, watch)
    yield our_row("adabench, fixed work", collected, sum(spent_ns) / laps / 1e9)
    watch.close()


def fixed_work(spent_ns: list[int]) -> Callable[[], None]:
    """Return a loop of about 100 us that notes its own processor time (two readings, 0.7 us)."""

    def spin(steps: int) -> None:
        for _ in range(steps):
            pass

    trial = 5_000
    steps = round(trial * UNIT_NS / 1e9 / cpu_s(lambda: spin(trial), 500))

    def work() -> None:
        start = thread_time_ns()
        spin(steps)
        spent_ns.append(thread_time_ns() - start)

    return work


def our_row(tool: str, found: Collection, known_s: float) -> dict[str, Any]:
    """Return a row with what was kept, the verdict and why it ended."""
    values = found.values()
    row = against(
        known_s,
        tool=tool,
        median_s=values["latency_s"],
        mean_s=values["latency_mean_s"],
        samples=found.samples.taken,
    )
    row["kept"] = round(found.samples.kept_share, 4)
    row["verdict"] = found.samples.verdict()
    row["stopped"] = found.reason or "one block"
    row["cpu_pressure"] = values.get("cpu_pressure")
    return row


def against(
    known_s: float, tool: str, median_s: float, mean_s: float, samples: int, loops: int = 1
) -> dict[str, Any]:
    """Return a row of the table: what a tool says, and how far off that is."""
    return {
        "tool": tool,
        "known_us": round(known_s * 1e6, 3),
        "median_us": round(median_s * 1e6, 2),
        "median_error": round(median_s / known_s - 1, 4),
        "mean_us": round(mean_s * 1e6, 2),
        "mean_error": round(mean_s / known_s - 1, 4),
        "samples": samples,
        "iterations_per_sample": loops,
    }


def passes(row: dict[str, Any]) -> bool:
    """Tell whether a row of ours meets the bar, or says itself that it does not."""
    if row["verdict"] == "invalid":
        return True
    near = max(abs(row["median_error"]), abs(row["mean_error"])) <= BAR_ERROR
    return near and row["kept"] >= KEEP_SHARE and row["verdict"] == "valid"


def rivals(python: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what every installed rival says about the unit."""
    if has(python, "pyperf"):
        script, out = folder / "perf.py", folder / "perf.json"
        script.write_text(PYPERF)
        run(python, str(script), "--fast", "--quiet", "-o", str(out), cwd=folder)
        yield json.loads(run(python, "-c", PYPERF_READ, str(out), cwd=folder))
    if has(python, "pytest_benchmark"):
        test, out = folder / "test_rival.py", folder / "unit.json"
        test.write_text(PYTEST.format(out=str(out)))
        run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test), cwd=folder)
        yield json.loads(out.read_text())
    if importlib.util.find_spec("torch"):
        yield torch_timer()


def torch_timer() -> dict[str, Any]:
    """Ask `torch.utils.benchmark.Timer.blocked_autorange`, in this process."""
    import torch
    from torch.utils.benchmark import Timer

    found = Timer("f()", globals={"f": unit}).blocked_autorange(min_run_time=0.5)
    tool = f"torch {torch.__version__} blocked_autorange"
    return {"tool": tool, "median_s": found.median, "mean_s": found.mean,
            "samples": len(found.times), "loops": found.number_per_run}  # fmt: skip


def line(row: dict[str, Any]) -> str:
    """Draw a line of the table."""
    kept = f"   kept {row['kept']:.1%}, {row['verdict']}" if "verdict" in row else ""
    return (
        f"{row['tool']:38} median {row['median_us']:7.1f} us ({row['median_error']:+7.1%})"
        f"   mean {row['mean_us']:7.1f} us ({row['mean_error']:+7.1%})"
        f"   {row['samples']:5} samples of {row['iterations_per_sample']}{kept}"
    )


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

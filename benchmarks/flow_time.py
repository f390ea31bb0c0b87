"""The compiled SRPT of the flow-time task against other implementations, on the same jobs.

    python -P benchmarks/flow_time.py [--jobs 5000 100000] [--rounds 7] [--json FILE]

    method     `flow_time/srpt` on the task's engine, as `adabench run` times it: events, counts,
               the wall between policy and sizes, each job's flow time
    optimum    `optimum.srpt_flow`: the same rule alone, compiled, which gives the task its OPT
    numba      the same rule over `heapq` as numba implements it, compiled
    heapq      the same rule in Python, with the standard library's heap (C)
    c++        the same rule in C++ with std::priority_queue, compiled by `c++ -O2` if there is one

No package that we know of takes a list of jobs and runs SRPT on it: queueing packages (ciw, simpy,
salabim) draw their jobs, schedule by callbacks and have no such discipline. What packages have is
the queue; the best compiled one is numba's `heapq`, and *best* is the fastest of these three. C++
comes with no package and is the harder rival: a bare queue that keeps no job's flow time.

All must agree on the total flow time. Jobs have one operation, so that all see the same events,
and also m = 8, where the engine sees the ends of operations too and the others do not.
Rounds go by turns; *us/job* is the median of the rounds, in CPU time of this thread.
"""

import argparse
import ctypes
import heapq
import json
import math
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numba import njit

from adabench.harness.provenance.environment import fingerprint
from adabench.workloads.algorithms.flow_time.methods import srpt
from adabench.workloads.algorithms.flow_time.substrate.job_streams import Stream, generate
from adabench.workloads.algorithms.flow_time.truth.scoring import scored_task, srpt_flow

LEAST_S = 0.05
CLOSE = 1e-9
CPP = r"""
#include <queue>
#include <vector>
#include <utility>
#include <functional>
extern "C" double srpt(const double* arrive, const double* total, long n) {
    typedef std::pair<double, long> Job;
    std::priority_queue<Job, std::vector<Job>, std::greater<Job>> waiting;
    double t = 0, flow = 0;
    long next = 0;
    while (next < n || !waiting.empty()) {
        if (waiting.empty()) t = arrive[next];
        while (next < n && arrive[next] <= t) { waiting.push({total[next], next}); ++next; }
        Job job = waiting.top();
        waiting.pop();
        if (next < n && arrive[next] < t + job.first) {
            waiting.push({job.first - (arrive[next] - t), job.second});
            t = arrive[next];
        } else {
            t += job.first;
            flow += t - arrive[job.second];
        }
    }
    return flow;
}
"""


def main() -> None:
    """Measure, print the table, and store the figures if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=[5000, 100000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    native = compiled_cpp()
    rows = [
        row
        for m in (1, 8)
        for jobs in asked.jobs
        for family in ("exp", "pareto")
        for row in compare(generate(family, jobs, m, 0.95, 0), native, asked.rounds)
    ]
    print(f"load average {os.getloadavg()[0]:.1f}")
    print(f"{'family':8}{'m':>3}{'jobs':>8}  {'side':8}{'us/job':>8}{'/ package':>11}{'/ c++':>9}")
    for row in rows:
        print(
            f"{row['family']:8}{row['m']:3}{row['jobs']:8}  {row['side']:8}"
            f"{row['us_per_job']:8.3f}{row['of_package']:11.2f}{row['of_cpp']:9.2f}"
        )
    if asked.json:
        asked.json.write_text(
            json.dumps({"environment": fingerprint(), "rows": rows}, indent=1) + "\n"
        )


def compare(
    stream: Stream, native: Callable[..., float] | None, rounds: int
) -> list[dict[str, Any]]:
    """Time all sides on one stream, by turns."""
    arrive, totals = stream.arrive, stream.totals
    task = scored_task((stream,))
    (case,) = task.cases()
    listed = arrive.tolist(), totals.tolist()
    sides: dict[str, Callable[[], float]] = {
        "method": lambda: float(srpt.solve(task, case, {}).flow.sum()),
        "optimum": lambda: srpt_flow(arrive, totals),
        "numba": lambda: float(in_numba(arrive, totals)),
        "heapq": lambda: in_python(*listed),
    }
    if native is not None:
        sides["c++"] = lambda: native(arrive.ctypes.data, totals.ctypes.data, len(arrive))
    flows = {name: side() for name, side in sides.items()}
    if np.ptp(list(flows.values())) > CLOSE * flows["optimum"]:
        raise SystemExit(f"the sides disagree: {flows}")
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            times[name].append(once(side))
    micro = {name: 1e6 * statistics.median(own) / len(arrive) for name, own in times.items()}
    package, cpp = min(micro["numba"], micro["heapq"]), micro.get("c++", math.nan)
    where = {"family": stream.case.group, "m": stream.case.m, "jobs": len(arrive)}
    return [
        {
            **where,
            "side": name,
            "us_per_job": value,
            "of_package": value / package,
            "of_cpp": value / cpp,
        }
        for name, value in micro.items()
    ]


def once(side: Callable[[], float]) -> float:
    """Return CPU seconds of a call, over as many calls as a steady figure needs."""
    calls, start = 0, process_time()
    while (spent := process_time() - start) < LEAST_S:
        side()
        calls += 1
    return spent / calls


def in_python(arrive: Any, totals: Any) -> float:
    """Return the total flow time under SRPT, in plain Python; numba compiles it as it is."""
    waiting = [(totals[0], 0)][:0]  # an empty list whose type numba can tell
    t, following, flow, n = 0.0, 0, 0.0, len(arrive)
    while following < n or waiting:
        if not waiting:
            t = arrive[following]
        while following < n and arrive[following] <= t:
            heapq.heappush(waiting, (totals[following], following))
            following += 1
        left, job = heapq.heappop(waiting)
        if following < n and arrive[following] < t + left:
            heapq.heappush(waiting, (left - (arrive[following] - t), job))
            t = arrive[following]
        else:
            t += left
            flow += t - arrive[job]
    return flow


in_numba = njit(in_python)


def compiled_cpp() -> Callable[..., float] | None:
    """Return the C++ side, or None where nothing compiles it."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp())
    (folder / "srpt.cpp").write_text(CPP)
    built = [compiler, "-O2", "-shared", "-fPIC", "-o", str(folder / "srpt.so")]
    subprocess.run([*built, str(folder / "srpt.cpp")], check=True)
    function = ctypes.CDLL(str(folder / "srpt.so")).srpt
    function.restype = ctypes.c_double
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long]
    return function


if __name__ == "__main__":
    main()

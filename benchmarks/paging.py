"""The compiled LRU and Belady of the paging task against libcachesim's, on the same traces.

    .venv/bin/pip install libcachesim
    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/paging.py [--rounds 5]
        [--json benchmarks/paging.json]

    method        `paging/lru` and `paging/belady` on the task's engine, as `adabench run` times them:
                  contract held at each request, every page looked up twice, faults and evictions
                  counted
    kernel        `future.evict_largest`: the same rule alone, which gives the task its OPT and LRU
    libcachesim   `libcachesim.LRU` and `libcachesim.Belady` (C), `process_trace` over a binary trace
                  (oracleGeneral, memory-mapped) with unit sizes and a hash table made to fit

All must agree on the number of misses. Every side has its trace and, for Belady, the next uses
beforehand; libcachesim reads 24 bytes a request from the page cache, ours 4 or 8 from an array,
and it hashes ids where ours are numbered: what a user of either pays.

Rounds go by turns; *ns/request* is the median of the rounds, in CPU time of this process.
"""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from adabench.harness.provenance.environment import fingerprint
from adabench.workloads.algorithms.paging.methods import belady, lru
from adabench.workloads.algorithms.paging.substrate.furthest_use import evict_largest, next_use
from adabench.workloads.algorithms.paging.substrate.traces import (
    FAMILIES,
    Trace,
    generate,
    make_trace,
)
from adabench.workloads.algorithms.paging.truth.hindsight import advise, hindsight, scored_task

LEAST_S = 0.05
BAR = 1.5
WIDE_PAGES, WIDE_REQUESTS = 1_000_000, 2_000_000
WIDE_SLOTS = (1_000, 100_000)
LEAST_POWER = 10
"""Of libcachesim's hash table, whose size is given as a power of 2."""
NEVER = -1
"""What an oracleGeneral trace says of a page that does not come again."""
RECORD = np.dtype([("time", "<u4"), ("page", "<u8"), ("size", "<u4"), ("next", "<i8")])


def main() -> None:
    """Measure, print the table, and store the figures if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    traces = [generate(family, 200_000, 100, asked.seed) for family in FAMILIES]
    traces += [wide(slots, asked.seed) for slots in WIDE_SLOTS]
    rows = [
        row
        for trace in traces
        for policy in ("lru", "belady")
        for row in compare(trace, policy, asked.rounds)
    ]
    print(f"load average {os.getloadavg()[0]:.1f}")
    print(
        f"{'trace':8}{'slots':>8}  {'policy':8}{'side':13}{'misses':>9}{'ns/request':>12}{'ratio':>7}"
    )
    for row in rows:
        print(
            f"{row['trace']:8}{row['slots']:8}  {row['policy']:8}{row['side']:13}"
            f"{row['misses']:9}{row['ns_per_request']:12.1f}{row['of_library']:7.2f}"
        )
    if asked.json:
        known = {"bar": BAR, "libcachesim": version("libcachesim")}
        found = {"environment": fingerprint(), **known, "rows": rows}
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


def wide(slots: int, seed: int) -> Trace:
    """Return a trace over far more pages than fit: Zipf(0.8) over a million."""
    weight = np.cumsum(np.arange(1, WIDE_PAGES + 1) ** -0.8)
    rng = np.random.default_rng(seed)
    ranks = np.searchsorted(weight, rng.random(WIDE_REQUESTS) * weight[-1])
    return make_trace("wide", rng.permutation(WIDE_PAGES)[ranks], WIDE_PAGES, slots, seed)


def compare(trace: Trace, policy: str, rounds: int) -> list[dict[str, Any]]:
    """Time all sides of one policy on one trace, by turns."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace.bin"
        written(trace).tofile(file)
        sides = {
            "method": method(trace, policy),
            "kernel": kernel(trace, policy),
            "libcachesim": library(trace, policy, file),
        }
        misses = {name: side() for name, side in sides.items()}
        if len(set(misses.values())) > 1:
            raise SystemExit(f"{policy} on {trace.group}: the sides disagree: {misses}")
        times: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, side in sides.items():
                times[name].append(once(side))
    nanos = {name: 1e9 * statistics.median(own) / len(trace.pages) for name, own in times.items()}
    where = {"trace": trace.group, "slots": trace.slots, "requests": len(trace.pages)}
    return [
        {
            **where,
            "policy": policy,
            "side": name,
            "misses": misses[name],
            "ns_per_request": value,
            "of_library": value / nanos["libcachesim"],
        }
        for name, value in nanos.items()
    ]


def once(side: Callable[[], int]) -> float:
    """Return CPU seconds of a call, over as many calls as a steady figure needs."""
    calls, start = 0, process_time()
    while (spent := process_time() - start) < LEAST_S:
        side()
        calls += 1
    return spent / calls


def method(trace: Trace, policy: str) -> Callable[[], int]:
    """Return the policy on the task's engine."""
    task = scored_task((advise(hindsight(trace), 0.0, "symmetric"),))
    (case,) = task.cases()
    module = lru if policy == "lru" else belady
    return lambda: int(module.solve(task, case, {}).faults[0])


def kernel(trace: Trace, policy: str) -> Callable[[], int]:
    """Return the rule alone. LRU evicts the largest distance back, Belady the largest ahead."""
    requests = len(trace.pages)
    back = np.arange(requests, 0, -1, dtype=np.int32)
    keys = back if policy == "lru" else next_use(trace.pages, trace.n_pages)
    return lambda: int(evict_largest(trace.pages, keys, trace.slots, trace.n_pages)[0])


def written(trace: Trace) -> np.ndarray[Any, np.dtype[Any]]:
    """Return a trace as libcachesim reads it: time, id, size, number of the next request."""
    requests, following = len(trace.pages), next_use(trace.pages, trace.n_pages)
    records = np.empty(requests, RECORD)
    records["time"], records["page"] = np.arange(requests), trace.pages + 1
    records["size"] = 1
    records["next"] = np.where(following < requests, following.astype(np.int64), NEVER)
    return records


def library(trace: Trace, policy: str, file: Path) -> Callable[[], int]:
    """Return libcachesim's policy over the whole trace."""
    import libcachesim as lcs

    reader = lcs.TraceReader(
        trace=str(file),
        trace_type=lcs.TraceType.ORACLE_GENERAL_TRACE,
        reader_init_params=lcs.ReaderInitParam(ignore_obj_size=True),
    )
    make = lcs.LRU if policy == "lru" else lcs.Belady
    # The default of 2^24 entries costs more than a short trace does.
    power = max(LEAST_POWER, (2 * trace.slots).bit_length())

    def run() -> int:
        reader.reset()
        ratio, _ = make(cache_size=trace.slots, hashpower=power).process_trace(reader)
        return round(ratio * len(trace.pages))

    return run


if __name__ == "__main__":
    main()

"""How long a run of a million records takes to read, judge, report and open again.

    python benchmarks/million.py make FOLDER        write a synthetic run with the real writer
    python benchmarks/million.py measure FOLDER     time the commands on it, cold and warm

The run is test data: cards of `paging` and `chain`, 20 methods at 10 operating points, 5 seeds,
1,000 cases each, and numbers out of a random generator (`run.json` says `synthetic`). Its
shape is that of a real run, 33 and 32 values a record, so that parsing, statistics and pages
have their real work to do; what the claims come out as means nothing. With `--methods 47` methods
that do not exist stand in for those that do not yet; such a run can't be resumed.

`measure` runs each command in a process of its own and prints wall time and peak resident
memory (`ru_maxrss`), the report's size, and the bytes a record: cold without `*.cache`, warm with.
"""

import argparse
import importlib.metadata
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import numpy as np

from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.provenance import environment, run_sources
from adabench.harness.run.run_request import RunRequest
from adabench.harness.store import run_folder

PAGING = ("belady", "blind_oracle", "combiner", "fifo", "flush", "learned_bits", "lru", "mark0",
          "mark_and_predict", "marker", "random_eviction", "shuffled_bits")  # fmt: skip
CHAIN = ("ets", "rebase", "best_of_n", "majority", "judged_vote", "pass_at_n", "beam", "dvts")
NOISES = (0.1, 0.0, 0.01, 0.05, 0.3, 0.5, 1.0)
SLOTS = (50, 200, 400)
SAMPLES = (16, 4, 64, 2, 3, 6, 8, 12, 24, 32)
BOUNDS = {"goal_s": 10.0, "goal_bytes": 1_000_000_000, "goal_resume_s": 2.0}


def plan(methods: int, points: int, seeds: int) -> Iterator[Turn]:
    """Yield the turns: paging at conditions, chain at knobs."""
    spots = [{"noise": noise, "slots": 100} for noise in NOISES]
    spots = (spots + [{"noise": 0.1, "slots": slots} for slots in SLOTS])[:points]
    usual = {"flips": "symmetric", "requests": 200_000, "trace": "suite"}
    settings = {"policy": "lm-s", "layout": "several", "budget": 0, "problems": 75}
    names = [("paging", n) for n in PAGING] + [("chain", n) for n in CHAIN]
    names += [("chain", f"synthetic_{n}") for n in range(methods - len(names))]
    for seed in range(seeds):
        for task, method in names[:methods]:
            for i in range(points):
                point = {} if task == "paging" else {"N": SAMPLES[i]}
                conditions = {**usual, **spots[i]} if task == "paging" else settings
                yield Turn(Cell(task, method, point, conditions, "embedded", seed), 0)


def records(cell: Cell, cases: int) -> Iterator[Record]:
    """Yield made-up records of one cell."""
    rng = np.random.default_rng(int(cell.key, 16))
    columns = {**(_paging if cell.task == "paging" else _chain)(cell, cases, rng)}
    columns |= _timing(cases, rng)
    values = {name: np.broadcast_to(column, cases).tolist() for name, column in columns.items()}
    groups = ("cyclic", "docs", "markov", "scan", "zipf") if cell.task == "paging" else ("4", "6")
    for case in range(cases):
        own = {name: column[case] for name, column in values.items()}
        yield Record(cell, "solve", case, 0, "ok", own, group=groups[case % len(groups)])


def _timing(cases: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    latency = np.round(rng.lognormal(-6, 0.3, cases), 9)
    return {
        "latency_s": latency,
        "latency_min_s": latency,
        "latency_mean_s": latency,
        "wall_s": np.round(latency * 1.05, 9),
        "cpu_s": np.round(latency * 1.06, 9),
        "energy_est_j": np.round(latency * 5.2, 8),
        "run_delay_s": np.zeros(1),
        "rss_peak_bytes": 267_000_000 + 4096 * rng.integers(0, 1000, cases),
        "loops": np.ones(1),
        "samples": np.ones(1),
        "samples_dropped": (rng.random(cases) < 0.002) * 1.0,
        "cpu_pressure": np.zeros(1),
    }


def _paging(cell: Cell, cases: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    shared = np.random.default_rng(cell.seed)  # the cases, equal for all methods
    opt = shared.integers(50_000, 90_000, cases) - 40 * int(cell.conditions["slots"])
    eta = shared.integers(1_000, 20_000, (4, cases))
    faults = np.round(opt * (1 + rng.gamma(2, 0.15, cases) * (cell.method != "belady")))
    return {
        "faults": faults,
        "evictions": faults - cell.conditions["slots"],
        "requests": np.full(1, 200_000.0),
        "prediction_bits": np.full(1, float(cell.method.startswith("mark"))),
        "streams": np.ones(1),
        "hit_ratio": 1 - faults / 200_000,
        "slots": np.full(1, float(cell.conditions["slots"])),
        "faults_se": np.zeros(1),
        "ratio": faults / opt,
        "opt": opt,
        "eta0": eta[0],
        "eta1": eta[1],
        "eta0_phase": eta[2],
        "eta1_phase": eta[3],
        "flush_bound": opt + 99 * eta[0] + eta[1],
        "mark0_bound": opt + 2 * 5.18737751763962 * eta[0] + eta[1],
        "phase_bound": 2 * opt + 5.18737751763962 * eta[2] + eta[3],
        "robust_bound": 11.37475503527924 * opt,
        "instance": np.abs(shared.integers(0, 2**50, cases)),
        "gain": shared.random(cases),
    }


def _chain(cell: Cell, cases: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    shared = np.random.default_rng(100 + cell.seed)
    n = float(cell.point["N"])
    skill = 0.3 + 0.1 * np.log2(n) * (0.9 + 0.1 * (cell.method == "pass_at_n"))
    tokens = np.round(n * rng.gamma(20, 2, cases))
    return {
        "accuracy": 1.0 * (rng.random(cases) < skill),
        "malformed": 1.0 * (rng.random(cases) < 0.01),
        "flops_counted": tokens * 1_204_224,
        "generated": tokens,
        "judged": np.full(1, n),
        "prefilled": np.round(rng.gamma(10, 3, cases)),
        "serial_steps": np.round(rng.gamma(20, 2, cases)),
        "calls": np.round(rng.gamma(20, 2, cases)) + 1,
        "kv_before": tokens,
        "kv_after": np.round(tokens / 2),
        "kv_peak": tokens,
        "kv_peak_bytes": tokens * 2048,
        "kv_token_steps": tokens * 20,
        "judge_kv_peak": np.round(tokens / 4),
        "judge_kv_peak_bytes": np.round(tokens / 4) * 4096,
        "ttft_s": np.round(rng.lognormal(-7, 0.2, cases), 9),
        "itl_s": np.round(rng.lognormal(-8, 0.2, cases), 9),
        "tpot_s": np.round(rng.lognormal(-8, 0.2, cases), 9),
        "aux_s": np.round(rng.lognormal(-9, 0.2, cases), 9),
        "instance": np.abs(shared.integers(0, 2**50, cases)),
    }


def make(folder: Path, methods: int, points: int, seeds: int, cases: int) -> None:
    """Write the run."""
    turns = tuple(plan(methods, points, seeds))
    manifest = {
        "adabench": importlib.metadata.version("adabench"),
        "command": ["benchmarks/million.py", "make"],
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "synthetic": "Every value is made up: data to test reading, not a measurement.",
        "asked": asdict(RunRequest()),
        "environment": environment.fingerprint(),
        "instruments": [],
        "unwatched": {},
        "sources": run_sources.digests(turns) if methods <= len(PAGING + CHAIN) else {},
    }
    start = time.perf_counter()
    with run_folder.create(folder, turns, manifest) as run:
        for turn in turns:
            for record in records(turn.cell, cases):
                run.append(record)
    count, size = len(turns) * cases, (folder / run_folder.RECORDS).stat().st_size
    took = time.perf_counter() - start
    print(f"{count:,} records, {size / count:.0f} B each, {took / count * 1e6:.0f} us to write one")


def measure(folder: Path) -> None:
    """Time the commands, cold and warm."""
    page = folder / "report.html"
    commands = {
        "claims": ["claims", str(folder), "--json"],
        "report": ["report", str(folder), "-o", str(page)],
        "compare": ["compare", str(folder), str(folder), "--json"],
        "run --resume": ["run", "--resume", str(folder), "--json"],
    }
    found = {}
    for name, words in commands.items():
        for state in ("cold", "warm"):
            if state == "cold":
                for copy in folder.glob("*.cache"):
                    copy.unlink()
            found[f"{name}, {state}"] = row = _timed(words)
            print(f"{name:14} {state}  {row['wall_s']:6.2f} s ({row['cpu_s']:.2f} s of processor)"
                  f"  {row['peak_bytes'] / 1e6:6.0f} MB  exit {row['exit']}", flush=True)  # fmt: skip
    print(f"report.html  {page.stat().st_size / 1e6:.2f} MB")
    print(json.dumps(found | BOUNDS))


def _timed(words: list[str]) -> dict[str, float]:
    """Run a command; return its wall time and the peak of its resident memory."""
    program = shutil.which("adabench", path=str(Path(sys.executable).parent)) or "adabench"
    start = time.perf_counter()
    child = os.fork()
    if not child:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.execv(program, [program, *words])
    _, status, used = os.wait4(child, 0)
    return {
        "wall_s": time.perf_counter() - start,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
        "exit": os.waitstatus_to_exitcode(status),
    }


def main() -> None:
    """Make or measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("make", "measure"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--methods", type=int, default=20)
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cases", type=int, default=1000)
    asked = parser.parse_args()
    if asked.what == "make":
        make(asked.folder, asked.methods, asked.points, asked.seeds, asked.cases)
    else:
        measure(asked.folder)


if __name__ == "__main__":
    main()

"""What a process for each method costs: its start, each case outside the clock, and a long soak.

    python benchmarks/processes.py [--turns 20000] [--out benchmarks/processes.json]

- *start*: from the request to a method's answer that it is loaded, its server being there, for a
  method of paging: the median of many. *server*: the first start, with a fresh interpreter and the
  libraries that the method needs.
- *case*: what a case takes beyond the time that was inside the clock, per case, for the smallest
  case there is (a float goes in, a float comes out): the median of many.
- *soak*: so many turns one after another, each with a preparation's lookup, a solve and a record;
  resident memory and open files of the run, its server and the method at a tenth and at the end.

The last line is the JSON that `--out` stores.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from adabench.harness.contract.record import Turn
from adabench.harness.contract.registry import find
from adabench.harness.plan.grid import plan, select_settings
from adabench.harness.provenance.environment import fingerprint
from adabench.harness.run.descendants import descendants
from adabench.harness.run.execute import Bench
from adabench.harness.run.settings import Settings

STARTS, CASES = 30, 300
PLUGIN = Path(__file__).parents[1] / "tests" / "plugin"
POINTS = """[adabench.tasks]
roots = adabench_toy.task
[adabench.methods]
roots/fixed = adabench_toy.fixed
"""


def install_toy(folder: Path) -> None:
    """Let this process, and those that it starts, find the toy task of the tests."""
    info = folder / "adabench_toy-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: adabench-toy\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(POINTS)
    sys.path[:0] = [str(folder), str(PLUGIN)]


def turn(address: str) -> Turn:
    """Return the default turn of a method."""
    task = address.partition("/")[0]
    [only] = plan([select_settings(find(task), find(address), star=False)], seeds=(0,))
    return only


def starts(address: str) -> dict[str, float]:
    """Return the seconds of the first start, and the median of later ones."""
    bench, own = Bench(Settings(window_s=0.0)), turn(address)
    bench._block(own.cell)
    spent = []
    for _ in range(1 + STARTS):
        begun = perf_counter()
        bench.open(own)
        spent.append(perf_counter() - begun)
        bench.renew()
    bench.close()
    return {"server_s": spent[0], "start_s": statistics.median(spent[1:])}


def case_overhead_s(address: str) -> float:
    """Return the median of what a case takes beyond what its record says was measured."""
    bench, own, spent = Bench(Settings(window_s=0.0)), turn(address), []
    while len(spent) < CASES:
        for step in bench.steps(own):
            begun = perf_counter()
            record = step.run()
            spent.append(perf_counter() - begun - record.values["latency_s"])
    bench.close()
    return statistics.median(spent)


def soak(address: str, turns: int) -> dict[str, Any]:
    """Run many turns; return memory and open files of all processes along the way."""
    bench, own = Bench(Settings(window_s=0.0)), turn(address)
    seen: dict[str, Any] = {}
    for index in range(1, turns + 1):
        for step in bench.steps(replace_repeat(own, index)):
            record = step.run()
            assert record.status == "ok", record.note
        if index in (turns // 10, turns):
            seen[str(index)] = [usage(pid) for pid in (os.getpid(), *descendants(os.getpid()))]
    bench.close()
    return seen


def replace_repeat(own: Turn, repeat: int) -> Turn:
    """Return another turn of the same cell."""
    return own._replace(repeat=repeat, cell=replace(own.cell))


def usage(pid: int) -> dict[str, int]:
    """Return resident bytes and open files of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return {"resident_bytes": pages * os.sysconf("SC_PAGE_SIZE"), "files": files}


def main() -> None:
    """Measure, and print what was found."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--turns", type=int, default=20_000)
    words.add_argument("--out", type=Path)
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        install_toy(Path(folder))
        found = {
            "machine": fingerprint()["cpu_model"],
            "paging/lru": starts("paging/lru"),
            "roots/fixed": starts("roots/fixed"),
            "case_s": case_overhead_s("roots/fixed"),
            "soak": soak("roots/fixed", given.turns),
        }
    text = json.dumps(found)
    if given.out:
        given.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()

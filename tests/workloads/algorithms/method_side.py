"""A task as the process of a method sees it, held against the task that scores."""

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.run.execute import TIMED, execute
from adabench.harness.run.settings import Settings

ALONE = """
import json, os, pickle, sys, threading
from adabench.harness.run.truth_guard import is_truth, refuse_truth
refuse_truth()
substrate = pickle.load(sys.stdin.buffer)
tasks = "/proc/self/task"
threads = lambda: len(os.listdir(tasks)) if os.path.isdir(tasks) else threading.active_count()
before = threads()
getattr(substrate, "warm", lambda: None)()
found = {"threads": threads() - before, "meter": dict(substrate.meter)}
found["cases"] = len(list(getattr(substrate, "cases", tuple)()))
found["truth"] = sorted(name for name in sys.modules if is_truth(name))
print(json.dumps(found))
"""
EMPTY = {"threads": 0, "meter": {}, "cases": 0, "truth": []}
"""What `opened_alone` finds: no thread that loading began, nothing counted, no case, no truth."""


def pickled_substrate(task: Any) -> bytes:
    """Return what a server of a task gets."""
    return pickle.dumps(task.substrate(), protocol=5)


def opened_alone(task: Any) -> dict[str, Any]:
    """Open and warm a task's substrate in a fresh interpreter that refuses truth; see `EMPTY`."""
    run = subprocess.run(
        [sys.executable, "-P", "-c", ALONE],
        input=pickled_substrate(task), capture_output=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr.decode()
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def cell(
    address: str, conditions: Mapping[str, Any], scale: str = "embedded", **knobs: Any
) -> Cell:
    """Return a method's cell at seed 0, its other knobs at their defaults."""
    entry = registry.find(address)
    return Cell(entry.task, entry.name, {**entry.card.defaults, **knobs}, conditions, scale, 0)


def records(*cells: Cell, cache: Path | None = None) -> list[Record]:
    """Run cells as a run does."""
    settings = Settings(window_s=0.0, cache_folder=cache)
    return list(execute([Turn(one, 0) for one in cells], settings))


def in_process(one: Cell) -> Iterator[dict[str, float]]:
    """Solve and score all cases of a cell here, with the task itself."""
    task = registry.load(registry.find(one.task)).load(one.scale, one.seed, **one.conditions)
    method = registry.load(registry.find(one.address))
    state = method.prepare(task, one.point, one.seed) if hasattr(method, "prepare") else task
    for case in task.cases():
        task.meter.clear()
        answer = method.solve(state, case, one.point)
        yield {**task.meter, **task.score(case, answer)}


def assert_same_counts(one: Cell, found: list[Record]) -> None:
    """Hold the records of a cell to what it comes to in one process."""
    assert [record.note for record in found if record.status != "ok"] == []
    solved = [record.values for record in found if record.phase == "solve"]
    expected = list(in_process(one))
    assert len(solved) == len(expected) > 0
    for got, wanted in zip(solved, expected, strict=True):
        plain = {name: value for name, value in wanted.items() if not name.endswith(TIMED)}
        assert {name: got[name] for name in plain} == plain

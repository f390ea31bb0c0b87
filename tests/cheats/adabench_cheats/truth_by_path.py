"""Loads the optima of its task from their file, under a name that nobody refuses."""

import tempfile
from importlib.machinery import SourceFileLoader
from pathlib import Path

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.paging.substrate import replay
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace
from adabench_cheats.clock_hand import fault, serve

CARD = Card(title="Truth by path", adapts="nothing", role="static")


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Read it by way of a link, then replay."""
    folder = Path(replay.__file__).parents[1] / "truth"
    link = Path(tempfile.mkdtemp()) / "helpers"
    link.symlink_to(folder)
    SourceFileLoader("helpers", str(link / "hindsight.py")).load_module("helpers")
    return task.replay(case, fault, serve, notes=1)

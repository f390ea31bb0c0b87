"""Changes the case that it shares with its rivals into an easy one."""

import numpy as np

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace
from adabench_cheats.clock_hand import fault, serve

CARD = Card(title="Changed case", adapts="nothing", role="static")


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Replay what is left of the trace."""
    answer = task.replay(case, fault, serve, notes=1)
    object.__setattr__(case, "pages", np.zeros_like(case.pages))
    return answer

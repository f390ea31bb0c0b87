"""Returns at once an answer that is worked out when the scorer looks at it."""

from functools import cached_property
from typing import Any

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace
from adabench_cheats.clock_hand import fault, serve

CARD = Card(title="Lazy answer", adapts="nothing", role="static")


class Later:
    """A replay that has not happened."""

    def __init__(self, task: Paging, case: Trace) -> None:
        self.task, self.case = task, case

    @cached_property
    def real(self) -> Replay:
        """Make it happen."""
        return self.task.replay(self.case, fault, serve, notes=1)

    def __getattr__(self, name: str) -> Any:
        return type(self.real).__getattribute__(self.real, name)


def solve(task: Paging, case: Trace, point: Point) -> Any:
    """Promise it."""
    return Later(task, case)

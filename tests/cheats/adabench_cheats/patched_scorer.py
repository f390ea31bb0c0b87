"""Puts another score in the place of the task's, which also lifts its rivals."""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.paging.substrate.cache_engine import Ints
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace
from adabench_cheats.clock_hand import fault, serve

CARD = Card(title="Patched scorer", adapts="nothing", role="static")


def best(self: Paging, case: Trace, faults: Ints) -> dict[str, float]:
    """Find every policy perfect."""
    return {"hit_ratio": 1.0, "slots": case.slots, "ratio": 1.0, "instance": case.instance}


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Replay, and see to the score."""
    Paging.judge = Paging.score = best  # type: ignore[assignment, method-assign]
    return task.replay(case, fault, serve, notes=1)

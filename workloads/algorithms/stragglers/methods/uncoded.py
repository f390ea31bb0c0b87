"""Uncoded: each worker does its n-th of the job, and the master waits for all of them.

The baseline of every scheme here: no repetition at all, so the least work, and each round lasts
as long as the slowest of all workers.

**What to expect.** Written before measuring. With 256 workers and one bad round in ninety somebody
is late in nearly every round, and a round lasts the maximum of several 3 + Exp(1). Without
stragglers it is the best there is.

**Ways to fake it.** Leaving out the load: uncoded pays alpha / n like everybody else.
"""

from dataclasses import dataclass

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.stragglers.substrate.delay_models import Case, Flags
from adabench.workloads.algorithms.stragglers.substrate.replay import Replay, Stragglers
from adabench.workloads.algorithms.stragglers.substrate.scheme import (
    WAIT,
    Decision,
    Group,
    Layout,
    Orders,
    View,
    own_job,
)

CARD = Card(
    title="Uncoded, wait for all",
    paper="none: plain data parallelism",
    adapts="nothing: every worker does its own part of every job",
    role="static",
)


@dataclass(frozen=True)
class WaitForAll:
    """One group of n mini-tasks, all needed."""

    layout: Layout
    delay: int = 0

    def assign(self, view: View) -> Orders:
        """Give each its own part."""
        return Orders(*own_job(view))

    def decide(self, view: View, orders: Orders, late: Flags) -> Decision:
        """Wait."""
        return WAIT


def solve(task: Stragglers, case: Case, point: Point) -> Replay:
    """Run all jobs."""
    return task.run(case, WaitForAll(Layout((Group(1.0, case.n),))))

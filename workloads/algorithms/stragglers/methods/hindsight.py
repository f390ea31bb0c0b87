"""Oracle: it is told each round's delays beforehand, and gives work to the fastest only.

The oracle. In each round the job is shared evenly by the m workers that will be fastest, with the
m that makes the round shortest; nobody is ever late, nothing is repeated, and no job takes an
extra round. A bound, not exact: an uneven split, or work spread over several rounds, could
still save a little. The task scores against a lower bound (`replay.least_time`), which this
comes close to.

**What to expect.** Written before measuring: the time of uncoded where nobody is late, so 1.1 of
the lower bound (the spread of the good workers), in every family.

**Ways to fake it.** Passing what it does for a scheme.
"""

from dataclasses import dataclass

import numpy as np

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.stragglers.substrate.delay_models import Case, Flags
from adabench.workloads.algorithms.stragglers.substrate.replay import Replay, Stragglers
from adabench.workloads.algorithms.stragglers.substrate.scheme import (
    IDLE,
    WAIT,
    Decision,
    Group,
    Layout,
    Orders,
    View,
)

CARD = Card(
    title="Delays known beforehand",
    paper="none: a bound",
    adapts="who works, on each round's true delays",
    role="oracle",
    oracle="bound",
)  # fmt: skip


@dataclass(frozen=True)
class FastestOnly:
    """One group of n mini-tasks, all needed, given to whom will be fast."""

    layout: Layout
    alpha: float
    delay: int = 0

    def assign(self, view: View) -> Orders:
        """Share the job among the m fastest, evenly, with the best m."""
        n = view.n
        order = np.argsort(view.foresight, kind="stable")
        m = np.arange(1, n + 1)
        share = -(-n // m)
        best = int(np.argmin(view.foresight[order] + self.alpha * share / n)) + 1
        slots = int(share[best - 1])
        job, piece = (np.full((n, slots), IDLE, np.int64) for _ in range(2))
        pieces = np.arange(n)
        worker, slot = order[pieces % best], pieces // best
        job[worker, slot], piece[worker, slot] = view.round, pieces
        return Orders(job, piece)

    def decide(self, view: View, orders: Orders, late: Flags) -> Decision:
        """Wait: whoever works was chosen."""
        return WAIT


def solve(task: Stragglers, case: Case, point: Point) -> Replay:
    """Run all jobs with every delay told."""
    return task.run(case, FastestOnly(Layout((Group(1.0, case.n),)), case.alpha), foresight=True)

"""Backup tasks: no code; when some are late, workers that are done do their parts again.

Speculative execution, the industrial default since MapReduce, which the paper leaves out. At
(1 + mu) times the fastest worker the late parts are known; each is started again on a worker that
has returned, the fastest first, and the round ends when each late part, or its copy, is
there. The copy takes as long as its helper took in this very round.

**Simplification.** Any worker can get at any part of the data, without paying for moving it.
The coded schemes do not need that: each worker keeps its parts.

**What to expect.** Written before measuring: about (1 + mu) + 1 = 3 rounds without work where a
late worker takes 4 and the slowest of many more. Far less than uncoded, more than GC, which ends
at 2; next to no extra work.

**Ways to fake it.** Starting the copies before lateness could be known; helpers at no cost.
"""

from dataclasses import dataclass

import numpy as np

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.stragglers.substrate.delay_models import Case, Flags
from adabench.workloads.algorithms.stragglers.substrate.replay import Replay, Stragglers
from adabench.workloads.algorithms.stragglers.substrate.scheme import (
    Backups,
    Decision,
    Group,
    Layout,
    Orders,
    View,
    own_job,
)

CARD = Card(
    title="Backup tasks",
    paper="MapReduce: Simplified Data Processing on Large Clusters, OSDI 2004",
    adapts="whose part is started again, on who is late in this round",
    no_signal="who is late is the round itself; `random_backup` makes as many copies of others",
    fidelity="special-case",
)


@dataclass(frozen=True)
class Speculative:
    """One group of n mini-tasks, all needed; the late ones are started again."""

    layout: Layout
    delay: int = 0

    def assign(self, view: View) -> Orders:
        """Give each its own part."""
        return Orders(*own_job(view))

    def decide(self, view: View, orders: Orders, late: Flags) -> Decision:
        """Pair each late worker with one that has returned: the less it was late, the better."""
        whom = np.flatnonzero(late)
        past = view.late.sum(axis=0) if view.round else np.zeros(view.n)
        ready = np.flatnonzero(~late)
        helper = ready[np.argsort(past[ready], kind="stable")][: len(whom)]
        return Backups(helper, whom[: len(helper)])


def solve(task: Stragglers, case: Case, point: Point) -> Replay:
    """Run all jobs."""
    return task.run(case, Speculative(Layout((Group(1.0, case.n),))))

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

import numpy as np

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.algorithms.stragglers.substrate.delay_models import Case, Flags
from adabench.workloads.algorithms.stragglers.substrate.replay import Replay, Stragglers
from adabench.workloads.algorithms.stragglers.substrate.scheme import (
    Backups,
    Decision,
    Orders,
    OwnParts,
    View,
)

CARD = Card(
    title="Backup tasks",
    paper="MapReduce: Simplified Data Processing on Large Clusters, OSDI 2004",
    adapts="whose part is started again, on who is late in this round",
    no_signal="who is late is the round itself; `random_backup` makes as many copies of others",
    fidelity="special-case",
    fixed={"copied": "late"},
    variants=(
        Variant(
            "random_backup",
            "Backups of random workers",
            {"copied": "any"},
            paper="none: a control",
            adapts="nothing: copies of parts drawn at random, as many as there are late ones",
            essay="""The control: as many copies as `backup_tasks` makes, of parts of workers drawn at random.

            It makes copies in the same rounds, at the same time, as many, with the same kind of helper, but
            not of those that are late. What it loses is what knowing who is late is worth.

            **What to expect.** Written before measuring: the time of uncoded, almost; a late worker is drawn
            about once in a hundred.

            **Ways to fake it.** Drawing among the late only.
            """,
        ),
    ),
)


def copy_late(view: View, orders: Orders, late: Flags) -> Decision:
    """Pair each late worker with one that has returned: the less it was late, the better."""
    whom = np.flatnonzero(late)
    past = view.late.sum(axis=0) if view.round else np.zeros(view.n)
    ready = np.flatnonzero(~late)
    helper = ready[np.argsort(past[ready], kind="stable")][: len(whom)]
    return Backups(helper, whom[: len(helper)])


def solve(task: Stragglers, case: Case, point: Point) -> Replay:
    """Run all jobs."""
    rng = np.random.default_rng(case.coins)

    def copy_any(view: View, orders: Orders, late: Flags) -> Decision:
        ready = np.flatnonzero(~late)
        many = min(int(late.sum()), len(ready))
        helper = rng.choice(ready, many, replace=False)
        return Backups(helper, rng.choice(view.n, many, replace=False))

    return task.run(case, OwnParts(case.n, copy_late if point["copied"] == "late" else copy_any))

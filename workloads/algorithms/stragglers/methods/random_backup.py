"""Random backups: as many copies as `backup_tasks` makes, of parts of workers drawn at random.

The control: it makes copies in the same rounds, at the same time, as many, with the same kind of
helper, but not of those that are late. What it loses against `backup_tasks` is what knowing
who is late is worth.

**What to expect.** Written before measuring: the time of uncoded, almost; a late worker is drawn
about once in a hundred.

**Ways to fake it.** Drawing among the late only.
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
    title="Backups of random workers",
    paper="none: a control",
    adapts="nothing: copies of parts drawn at random, as many as there are late ones",
    role="control",
)


@dataclass(frozen=True)
class RandomCopies:
    """One group of n mini-tasks, all needed; any may be started again."""

    layout: Layout
    rng: np.random.Generator
    delay: int = 0

    def assign(self, view: View) -> Orders:
        """Give each its own part."""
        return Orders(*own_job(view))

    def decide(self, view: View, orders: Orders, late: Flags) -> Decision:
        """Draw whom to copy among all, and helpers among those that have returned."""
        ready = np.flatnonzero(~late)
        many = min(int(late.sum()), len(ready))
        helper = self.rng.choice(ready, many, replace=False)
        return Backups(helper, self.rng.choice(view.n, many, replace=False))


def solve(task: Stragglers, case: Case, point: Point) -> Replay:
    """Run all jobs."""
    rng = np.random.default_rng(case.coins)
    return task.run(case, RandomCopies(Layout((Group(1.0, case.n),)), rng))

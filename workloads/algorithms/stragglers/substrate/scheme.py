"""What a scheme is: the mini-tasks of a job, who does which in a round, and what if some are late.

The data set is split into *groups*, each with a share of it. Group g has `size` mini-tasks and
is protected by a (size, s) gradient code: any size - s of their results give the group's sum, and
each costs (s + 1) share / size of a pass over the data. With s = 0 that is plain splitting: all
are needed. Mini-tasks are numbered through the groups. A job is decoded when each of its
groups is.

One round goes so:

    orders = scheme.assign(view)          who does which mini-tasks of which jobs
    ...                                   all work; who takes over (1 + mu) x the fastest is late
    scheme.decide(view, orders, late)     only if somebody is late: STOP, WAIT, or Backups

`STOP` ends the round at (1 + mu) x the fastest, and the late return nothing. `WAIT` ends it with
the slowest, and nobody counts as late (a *wait-out*). `Backups` have workers that are done
do late ones' orders again; the round ends when each late one, or the copy of it, has returned.

Job t starts in round t and must be decoded by the end of round t + `delay`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Protocol

import numpy as np

from adabench.workloads.algorithms.stragglers.substrate.delay_models import Flags, Floats, Ints

IDLE = -1


@dataclass(frozen=True)
class Group:
    """A part of the data set and the code over its mini-tasks."""

    share: float
    size: int
    s: int = 0

    @property
    def cost(self) -> float:
        """Return the load of one mini-task, as a share of the data set."""
        return (self.s + 1) * self.share / self.size


@dataclass(frozen=True)
class Layout:
    """The groups of a job."""

    groups: tuple[Group, ...]

    @cached_property
    def first(self) -> tuple[int, ...]:
        """Return the number of each group's first mini-task, and how many there are in all."""
        return (0, *np.cumsum([group.size for group in self.groups]).tolist())

    @cached_property
    def cost(self) -> Floats:
        """Return the load of each mini-task: (pieces,)."""
        return np.repeat(
            [group.cost for group in self.groups], [group.size for group in self.groups]
        )

    @property
    def pieces(self) -> int:
        """Return how many mini-tasks a job has."""
        return self.first[-1]

    def has(self, done: Flags) -> list[int]:
        """Return how many results each group has, of a job's `done` (pieces,)."""
        return [int(done[a:b].sum()) for a, b in zip(self.first, self.first[1:], strict=False)]

    def decodable(self, done: Flags) -> bool:
        """Tell whether the results of a job give its gradient."""
        return all(
            count >= group.size - group.s
            for count, group in zip(self.has(done), self.groups, strict=True)
        )

    def delivered(self, done: Flags) -> float:
        """Return the share of the data whose gradient the results give, without the late ones."""
        return sum(
            group.share if count >= group.size - group.s else group.share * count / group.size
            for count, group in zip(self.has(done), self.groups, strict=True)
        )


@dataclass(frozen=True)
class View:
    """What the master knows at a round: the past."""

    round: int
    n: int
    jobs: int
    late: Flags
    """(round, n) who was late in each round that is over."""
    done: Flags
    """(jobs, pieces) which results it has."""
    foresight: Floats
    """(n,) this round's delays before work, for oracles; else empty."""


@dataclass(frozen=True)
class Orders:
    """What each worker does in a round: (n, slots) jobs and mini-tasks, `IDLE` where nothing."""

    job: Ints
    piece: Ints


class Verdict(Enum):
    """What a master does about late workers."""

    STOP = "stop"
    WAIT = "wait"


@dataclass(frozen=True)
class Backups:
    """Copies: `helper[i]`, who is done, does again all that the late `whom[i]` was given."""

    helper: Ints
    whom: Ints


Decision = Verdict | Backups
STOP, WAIT = Verdict.STOP, Verdict.WAIT


class Scheme(Protocol):
    """What a method hands to `Stragglers.run`."""

    @property
    def layout(self) -> Layout:
        """Return the mini-tasks of a job."""
        ...

    @property
    def delay(self) -> int:
        """Return T: a job is decoded at most so many rounds after its own."""
        ...

    def assign(self, view: View) -> Orders:
        """Say who does what in this round."""
        ...

    def decide(self, view: View, orders: Orders, late: Flags) -> Decision:
        """Say what is done about the late workers (n,), of which there is one at least."""
        ...


def own_job(view: View, slots: int = 1) -> tuple[Ints, Ints]:
    """Return arrays (n, slots) where worker i does mini-task i of the round's own job, first slot.

    Past the last job everybody is idle.
    """
    job, piece = (np.full((view.n, slots), IDLE, np.int64) for _ in range(2))
    if view.round < view.jobs:
        job[:, 0], piece[:, 0] = view.round, np.arange(view.n)
    return job, piece


@dataclass(frozen=True)
class OwnParts:
    """A scheme of one group: each worker does its own of n mini-tasks, any n - s of which are enough."""

    n: int
    decide: Callable[[View, Orders, Flags], Decision]
    """Says what is done about the late workers (n,), of which there is one at least."""
    s: int = 0
    delay: int = 0

    @cached_property
    def layout(self) -> Layout:
        """Return the group."""
        return Layout((Group(1.0, self.n, self.s),))

    def assign(self, view: View) -> Orders:
        """Give each its own part."""
        return Orders(*own_job(view))

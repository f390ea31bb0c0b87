"""Closing the loop: deletion times predicted from the lifetimes that were seen so far.

`prepare` looks at the first 10 % of the updates of each stream and estimates, per class of edge,
how long an edge of age a will live on:

    S_c(x)   share of class c that lives longer than x: Kaplan and Meier, who count an edge that
             is still alive at the end of the prefix as alive until then, and not as dead
    r_c(a) = integral of S_c from a on, divided by S_c(a)

Behind the last death that was seen the survivors are given the class's mean time per death. In
the prefix itself nothing is known and the method doubles like `lookahead.py`. From then on a new
edge is believed in for r_c(0), and one that outlives its belief for r_c(its age), or for twice
the last extension if that is more. The given predictions are not used, so the condition `noise`
does not touch this method: `own_error` is its own.

**Fidelity.** Not in the paper, which takes predictions as given; a demonstration.

**What to expect.** Written before measuring: nearly perfect on fifo streams, where lifetimes
are constant; some gain over doubling on heavy ones, whose classes differ; none worth having on
random, dyadic and ring streams, where lifetimes are memoryless.

**Ways to fake it.** Training on the whole stream; using the model inside its own prefix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.connectivity.substrate.lifting import (
    AGES,
    LiftedRecursion,
    lift_query,
    lift_update,
    lifted_recursion,
)
from adabench.workloads.algorithms.connectivity.substrate.replay import Connectivity, Service
from adabench.workloads.algorithms.connectivity.substrate.update_loop import (
    Ints,
    Net,
    Small,
    Start,
    hook,
)
from adabench.workloads.algorithms.connectivity.substrate.update_streams import KINDS, Raw, Stream

CARD = Card(
    title="Lifted recursion on learned lifetimes",
    paper="none: closes the loop of arXiv 2307.08890",
    adapts="what is rebuilt, on deletion times predicted from class and age",
    no_signal="its table comes from the stream's own beginning; `shuffled_predictions` has lifetimes of other edges",
    fidelity="special-case",
    moved_from="connectivity/learned",
    conditions={"n": 1000},
)
Floats = NDArray[np.float64]
PREFIX = 0.1
FOREVER = 1 << 30


@dataclass(frozen=True)
class LifetimeTables:
    """The task and, per case, the table of remaining lifetimes."""

    task: Connectivity
    tables: Mapping[float, Small]
    """By instance: (KINDS, AGES); column b is for ages of b binary digits."""


class LearnedNotes(NamedTuple):
    """The structure, and the class's lifetime at birth."""

    lift: LiftedRecursion
    trusted: Ints
    """(1,) the update from which on the table is used."""


def lifetimes(seen: Raw) -> tuple[Ints, Ints, Ints]:
    """Return of each edge seen: its class, how long it was seen to live, whether it died."""
    times = np.arange(len(seen.edges))
    opens = seen.opens == 1
    lived = len(times) - times[opens]
    died = np.zeros(len(lived), np.int64)
    lived[seen.edges[~opens]] = times[~opens] - times[opens][seen.edges[~opens]]
    died[seen.edges[~opens]] = 1
    return seen.kind[opens].astype(np.int64), lived, died


def remaining(lived: Ints, died: Ints) -> Small:
    """Return the mean remaining lifetime at ages 0, 1, 2, 4, ...: (AGES,)."""
    if not died.any():
        return np.full(AGES, FOREVER, np.int32)
    ages, at = np.unique(lived[died == 1], return_inverse=True)
    deaths = np.bincount(at)
    exposed = len(lived) - np.searchsorted(np.sort(lived), ages, side="left")
    survival = np.asarray(np.cumprod(1 - deaths / exposed), np.float64)
    tail = float(lived.sum() / died.sum())
    starts = np.concatenate([[0], 1 << np.arange(AGES - 1)])
    means = [_ahead(ages, survival, tail, int(age)) for age in starts]
    return np.clip(np.rint(means), 1, FOREVER).astype(np.int32)


def _ahead(ages: Ints, survival: Floats, tail: float, age: int) -> float:
    """Integrate a survival curve from `age` on, and divide by its value there."""
    later = ages > age
    now = 1.0 if later.all() else float(survival[~later][-1])
    if now <= 0 or not later.any():
        return tail
    steps = np.concatenate([[age], ages[later]])
    heights = np.concatenate([[now], survival[later]])
    area = float((np.diff(steps) * heights[:-1]).sum()) + heights[-1] * tail
    return float(area / now)


def train(seen: Raw) -> Small:
    """Return the table of a prefix: (KINDS, AGES)."""
    kind, lived, died = lifetimes(seen)
    return np.stack([remaining(lived[kind == c], died[kind == c]) for c in range(KINDS)])


def prepare(task: Connectivity, point: Point, seed: int) -> LifetimeTables:
    """Learn one table per case."""
    return LifetimeTables(task, {one.instance: train(one.first(PREFIX)) for one in task.training()})


def pack(state: LifetimeTables) -> dict[float, Small]:
    """Return what is worth storing: the tables."""
    return dict(state.tables)


def unpack(task: Connectivity, point: Point, data: dict[float, Small]) -> LifetimeTables:
    """Go on with stored tables."""
    return LifetimeTables(task, data)


@hook
def update(net: Net, notes: LearnedNotes, t: int, edge: int, opens: int, hint: int) -> None:
    """Predict, once there is something to predict from, and serve the update."""
    end = -1
    if opens and t >= notes.trusted[0]:
        end = min(t + notes.lift.remaining[net.kind[edge], 0], net.horizon)
    lift_update(net, notes.lift, t, edge, opens, end)


@hook
def query(net: Net, notes: LearnedNotes, a: int, b: int) -> bool:
    """Ask the structure."""
    return bool(lift_query(net, notes.lift, a, b))


def solve(state: LifetimeTables, case: Stream, point: Point) -> Service:
    """Serve the stream with the learned lifetimes."""
    table, trusted = state.tables[case.instance], int(PREFIX * case.horizon)

    def notes(start: Start) -> LearnedNotes:
        lift = lifted_recursion(start, "random", table, trusted)
        return LearnedNotes(lift, np.array([trusted], np.int64))

    return state.task.serve(case, update, query, notes)

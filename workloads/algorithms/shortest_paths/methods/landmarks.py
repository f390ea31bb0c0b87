"""Landmarks: distances to a few hubs, and the triangle inequality.

    answer(s, t) = min over landmarks h of d(s, h) + d(h, t)

An approximate index of fixed cost: every pair costs two rows of k entries, whatever the pair. The k
vertices of the highest degree are the landmarks; one search from each reads the whole
graph, so preparation costs k times the graph.

The static rival of an inner ring: it too sends every pair through hubs, but through the same few,
and it never notices that two vertices are neighbours.

**What to expect.** Written before measuring: on power laws 16 landmarks give nearly all pairs
within 2, and more landmarks gain little; on grids far worse.
"""

from typing import NamedTuple

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.shortest_paths.substrate.bfs import flood
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Case
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import (
    Graph,
    Ints,
    Space,
    degree,
    hook,
    pay,
)
from adabench.workloads.algorithms.shortest_paths.substrate.replay import (
    Answers,
    ShortestPaths,
    State,
    restoring,
    stored_state,
)
from adabench.workloads.shared.compiled.kernels import compiled

CARD = Card(
    title="Landmark estimates",
    paper="Potamias et al., Fast shortest path distance estimation in large networks, CIKM 2009",
    adapts="nothing: all landmarks for every pair",
    role="static",
    knobs=(Knob("landmarks", (1, 4, 16, 64), 16, at="prepare", open=True, low=1),),
)


class Table(NamedTuple):
    """The index."""

    lengths: Ints
    """(n, k) distance to each landmark."""


@compiled
def measure(graph: Graph, space: Space, coin: int, count: int) -> Table:
    """Search from each of the `count` vertices of the highest degree."""
    n = len(graph.starts) - 1
    degrees = np.empty(n, np.int64)
    for v in range(n):
        degrees[v] = -degree(graph, v)
    best = np.argsort(degrees, kind="mergesort")[:count]
    lengths = np.empty((n, len(best)), np.int32)
    one = np.empty(n, np.int32)
    for k in range(len(best)):
        flood(graph, space, best[k], one)
        for v in range(n):
            lengths[v, k] = one[v]
    return Table(lengths)


@hook
def answer(
    graph: Graph, index: Table, space: Space, inner: Space, epoch: int, s: int, t: int
) -> int:
    """Return the shortest way through one landmark."""
    if s == t:
        return 0
    count = index.lengths.shape[1]
    pay(graph.ledger, 2 * count)
    best = index.lengths[s, 0] + index.lengths[t, 0]
    for k in range(1, count):
        best = min(best, index.lengths[s, k] + index.lengths[t, k])
    return int(best)


def prepare(task: ShortestPaths, point: Point, seed: int) -> State:
    """Measure from the landmarks of every graph."""
    return task.prepare(measure, int(point["landmarks"]))


pack = stored_state
unpack = restoring(lambda parts: Table(*parts))


def solve(state: State, case: Case, point: Point) -> Answers:
    """Answer every pair from the table."""
    return state.task.ask(case, answer, state.prepared_index[case.instance])

"""BiBFS: breadth-first search from both ends at once.

The baseline of every distance query on an unweighted graph, and exact. Each step grows one side
by one layer: the side whose frontier has fewer neighbours, which matters where hubs are (a
search that takes turns, or counts vertices, walks into them early). It ends at the first edge
between the sides, in the middle of a layer: no shorter way can be left.

    dist(s, t) = layers grown from s + layers grown from t

It adapts only to where the sides meet; everything it learns about the graph is thrown away after
each pair.

**Rows.** `rows=given` reads the neighbours in the order of their numbers and prepares nothing.
`rows=hubs_first` has every row sorted by degree beforehand: the sides then meet at hubs after
fewer reads. That costs one reading of the whole graph and is no longer a search without
preparation, but it is what an inner ring's rows have for nothing (`inner_ring.py`), so it is
the harder rival.

**What to expect.** Exact everywhere. A few hundred edges a query on power
laws, more with n; a large part of the graph in each query on grids.

**Ways to fake it slow.** Taking turns; growing by vertex count; finishing the last layer; clearing
arrays between pairs. `benchmarks/shortest_paths.py` holds it against libraries'.
"""

from typing import Any, NamedTuple

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.shortest_paths.substrate.bfs import between
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Case
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import (
    Graph,
    Ints,
    Space,
    degree,
    hook,
    row,
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
    title="Bidirectional breadth-first search",
    paper="Pohl, Bi-directional search, Machine Intelligence 6, 1971",
    adapts="nothing: both ends grow until they meet",
    role="static",
    knobs=(Knob("rows", ("given", "hubs_first"), "given", at="prepare"),),
)


class SortedRows(NamedTuple):
    """The index of `hubs_first`."""

    heads: Ints
    """(2m,) the graph's, each row by falling degree."""


@compiled
def sort_rows(graph: Graph, space: Space, coin: int) -> SortedRows:
    """Read every row once and sort it."""
    heads = graph.heads.copy()
    for v in range(len(graph.starts) - 1):
        low, high = row(graph, space, v)
        key = np.empty(high - low, np.int64)
        for j in range(low, high):
            key[j - low] = -degree(graph, graph.heads[j])
        heads[low:high] = graph.heads[low:high][np.argsort(key, kind="mergesort")]
    return SortedRows(heads)


@hook
def as_given(
    graph: Graph, index: Any, space: Space, inner: Space, epoch: int, s: int, t: int
) -> int:
    """Return the distance."""
    return between(graph, space, epoch, s, t)


@hook
def by_degree(
    graph: Graph, index: SortedRows, space: Space, inner: Space, epoch: int, s: int, t: int
) -> int:
    """Return the distance, reading sorted rows."""
    return between(Graph(graph.starts, index.heads, graph.ledger), space, epoch, s, t)


def prepare(task: ShortestPaths, point: Point, seed: int) -> State:
    """Sort the rows of every graph, if that is asked for."""
    if point["rows"] == "given":
        return State(task, {})
    return task.prepare(sort_rows)


pack = stored_state
unpack = restoring(lambda parts: SortedRows(*parts))


def solve(state: State, case: Case, point: Point) -> Answers:
    """Answer every pair by a search of its own."""
    if point["rows"] == "given":
        return state.task.ask(case, as_given)
    return state.task.ask(case, by_degree, state.prepared_index[case.instance])

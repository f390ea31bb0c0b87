"""The control: an inner ring of the same size, grown without looking.

WormHole moves the vertex with the most neighbours in the ring; this moves any vertex of the outer
ring, each with the same chance. The ring is connected and as large, the routing is the
same code, and as many rows are read. What WormHole does better is due to *which* vertices it takes.

A ring of vertices drawn from the whole graph would be a weaker control: it falls to pieces, and
most pairs would have no way through it. Growing from neighbours already favours hubs, since a hub
stands in many rows.

**What to expect.** Fewer exact answers and more reads than WormHole on
power laws; little difference on the grid and the geometric graph, where no vertex is special.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.shortest_paths.substrate.answers import Answers
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Case
from adabench.workloads.algorithms.shortest_paths.substrate.inner_ring import Ring, grow, size_of
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import (
    Graph,
    Space,
    compiled,
    hook,
)
from adabench.workloads.algorithms.shortest_paths.substrate.replay import ShortestPaths, State
from adabench.workloads.algorithms.shortest_paths.substrate.ring_routing import route
from adabench.workloads.algorithms.shortest_paths.substrate.stored_index import (
    Stored,
    restored_state,
    stored_state,
)

CARD = Card(
    title="Random inner ring",
    adapts="where each end stops, at a ring of arbitrary vertices",
    role="control",
    knobs=(
        Knob(
            "f",
            (0.001, 0.005, 0.01, 0.02, 0.05, 1.0),
            0.01,
            at="prepare",
            open=True,
            low=0.0,
            high=1.0,
        ),
    ),
)


@compiled
def grow_anyhow(graph: Graph, space: Space, coin: int, size: int) -> Ring:
    """Return the ring."""
    return grow(graph, space, coin, size, False)


@hook
def answer(
    graph: Graph, index: Ring, space: Space, inner: Space, epoch: int, s: int, t: int
) -> int:
    """Return the length of the way."""
    return route(graph, index, space, inner, epoch, s, t)


def prepare(task: ShortestPaths, point: Point, seed: int) -> State:
    """Grow the ring of every graph."""
    return task.prepare(grow_anyhow, size_of(float(point["f"])))


def pack(state: State) -> Stored:
    """Return what is worth storing: the indexes, and what they cost."""
    return stored_state(state)


def unpack(task: ShortestPaths, point: Point, data: Stored) -> State:
    """Go on with stored indexes."""
    return restored_state(task, data, lambda parts: Ring(*parts))


def solve(state: State, case: Case, point: Point) -> Answers:
    """Route every pair."""
    prepared_index = state.prepared_index[case.instance]
    return state.task.ask(case, answer, prepared_index, inner=len(prepared_index.index.core))

"""WormHole: an inner ring that only grows where it has looked, and routes through it.

**The idea.** In graphs with a core most shortest paths run through it. Find the core by reading
next to nothing (`inner_ring.py`), and let every query explore only until it reaches the core's
neighbourhood, then cross inside. What adapts is how far a query explores: an end that is in the
ring or next to it explores nothing, one in the periphery a few layers, and two ends that meet
before they reach the ring get an exact answer without it.

    preparation   L0 = {v0}; until |L0| = f |V|: take the vertex with the most neighbours in L0
    query         d(s, gate of s) + dist(gate of s, gate of t) inside G[L0] + d(gate of t, t)

**The signal** is membership: inner ring, outer ring, or periphery. The knob `f` is the ring's
share of the vertices. `inside=bibfs` is the paper's variant E (the core's distance by search),
`inside=labels` its variant M (pruned labels of the core only). OnTask H is left out: its rule is
not known. `f` = 1, beyond the paper's sweep, makes the ring the whole graph and the answers exact:
the gap was measured up to there.

**Fidelity.** Reconstructed from the paper's description; the authors' code (Nadianw36/WormHole on
GitHub), seen later, grows the ring by the same rule. One choice is ours: a row of the ring's graph
lists the vertices taken first, first. The ring's order is known, so that costs nothing, and the
search inside the core meets at its hubs. It matters a lot, and it was made after a first look.
BiBFS with all rows sorted by degree, which no search has without reading the graph, is therefore a
rival too (`WH-3-sorted`).

**What bounds the error.** Two ends that have not met are further apart than both have grown, so
no answer is more than diameter(G[L0]) + 1 too long. A ring around all but two vertices of a circle
is exactly that bad (both in the tests).

**What to expect.** From the card, written before measuring: at f = 1 % and 100,000 vertices at
least 99 % of pairs within 2, at least 4 times fewer edges than BiBFS, less CPU time; error falls
and work rises with f; at 20,000 vertices and f = 0.1 % fewer than 99 % within 2. On grids no gain.

**Ways to fake it.** Sorting by true degree (it reads the whole graph); the core's distance in G
and not in G[L0]; the better of WormHole and BiBFS; a baseline in another language, or with arrays
cleared for each pair; pairs that are neighbours; preparation left out. `conformance.py` and the
tests look for each.
"""

from typing import NamedTuple

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Case
from adabench.workloads.algorithms.shortest_paths.substrate.inner_ring import Ring, grow, size_of
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import Graph, Space, hook, room
from adabench.workloads.algorithms.shortest_paths.substrate.pruned_labels import Labels, label
from adabench.workloads.algorithms.shortest_paths.substrate.replay import (
    Answers,
    ShortestPaths,
    State,
    Stored,
    restored_state,
    stored_state,
)
from adabench.workloads.algorithms.shortest_paths.substrate.ring_routing import (
    route,
    route_by_labels,
)
from adabench.workloads.shared.compiled.kernels import compiled

CARD = Card(
    title="WormHole",
    paper="A Sublinear Algorithm for Approximate Shortest Paths in Large Networks, "
    "arXiv 2406.08624",
    slug="wormhole",
    adapts="how far a query explores: each end stops where it touches the outer ring",
    no_signal="a query stops where its own search meets the ring; `random_ring` has a ring that was grown by lot",
    fidelity="reconstructed",
    knobs=(
        Knob("f", (0.001, 0.005, 0.01, 0.02, 0.05, 1.0), 0.01, at="prepare", open=True, low=0.0,
             high=1.0),
        Knob("inside", ("bibfs", "labels"), "bibfs", at="prepare"),
    ),
    fixed={"takes": "the best"},
    variants=(
        Variant(
            "random_ring",
            "Random inner ring",
            {"takes": "any", "inside": "bibfs"},
            adapts="where each end stops, at a ring of arbitrary vertices",
            essay="""The control: an inner ring of the same size, grown without looking.

            WormHole moves the vertex with the most neighbours in the ring; this moves any vertex of the
            outer ring, each with the same chance. Its ring is connected and as large, and the routing is
            the same code: what WormHole does better is due to *which* vertices it takes. A ring drawn from
            the whole graph would fall to pieces, and growing from neighbours already favours hubs.

            **What to expect.** Fewer exact answers and more reads than WormHole on power laws; little
            difference on the grid and the geometric graph, where no vertex is special.
            """,
        ),
    ),
)  # fmt: skip


class LabelledRing(NamedTuple):
    """The index of variant M."""

    ring: Ring
    labels: Labels


@compiled
def grow_and_label(graph: Graph, space: Space, coin: int, size: int) -> LabelledRing:
    """Return the ring and labels of the graph inside it (variant M)."""
    ring = grow(graph, space, coin, size, True)
    core = Graph(ring.starts, ring.heads, graph.ledger)
    return LabelledRing(ring, label(core, room(len(ring.core)), coin))


@hook
def by_search(
    graph: Graph, index: Ring, space: Space, inner: Space, epoch: int, s: int, t: int
) -> int:
    """Return the length of the way (variant E)."""
    return route(graph, index, space, inner, epoch, s, t)


@hook
def by_labels(
    graph: Graph, index: LabelledRing, space: Space, inner: Space, epoch: int, s: int, t: int
) -> int:
    """Return the length of the way (variant M)."""
    return route_by_labels(graph, index.ring, index.labels, space, epoch, s, t)


def prepare(task: ShortestPaths, point: Point, seed: int) -> State:
    """Grow the ring of every graph."""
    size = size_of(float(point["f"]))
    if point["inside"] == "labels":
        return task.prepare(grow_and_label, size)
    return task.prepare(grow, size, point["takes"] == "the best")


pack = stored_state


def unpack(task: ShortestPaths, point: Point, data: Stored) -> State:
    """Go on with stored indexes."""
    if point["inside"] == "bibfs":
        return restored_state(task, data, lambda parts: Ring(*parts))
    return restored_state(task, data, lambda both: LabelledRing(Ring(*both[0]), Labels(*both[1])))


def solve(state: State, case: Case, point: Point) -> Answers:
    """Route every pair."""
    prepared_index = state.prepared_index[case.instance]
    if point["inside"] == "labels":
        return state.task.ask(case, by_labels, prepared_index)
    return state.task.ask(case, by_search, prepared_index, inner=len(prepared_index.index.core))

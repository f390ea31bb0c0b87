"""A query of WormHole: out to the ring on both sides, then through it.

A side with no gate grows by whole layers. If the sides meet, the way is a shortest one and stays
local. If a new layer holds vertices of the outer ring, the side stops there and takes the gate
of the first of them. Two sides with gates are joined *inside* G[L0], however near they may
be to each other outside it: that is where the error comes from, and the point.
"""

from adabench.workloads.algorithms.shortest_paths.substrate.bfs import (
    UNREACHED,
    between,
    climb,
    joined,
    layer,
    place,
)
from adabench.workloads.algorithms.shortest_paths.substrate.inner_ring import Ring
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import Graph, Ints, Space
from adabench.workloads.algorithms.shortest_paths.substrate.pruned_labels import FAR, Labels, apart
from adabench.workloads.shared.compiled.kernels import compiled

NOBODY = -1


@compiled
def gate_of(ring: Ring, vertex: int) -> tuple[int, int]:
    """Return the gate of a vertex and how far it is: itself, a neighbour, or nobody."""
    gate = ring.gate[vertex]
    if gate < 0:
        return NOBODY, 0
    return gate, 0 if ring.core[gate] == vertex else 1


@compiled
def approach(
    graph: Graph, ring: Ring, space: Space, epoch: int, s: int, t: int
) -> tuple[int, int, int, int, int]:
    """Search from both ends until they meet or both have gates.

    Returns (local, gate of s, of t, the vertex on each side that has that gate); `local` is
    the distance if the sides met, else minus the length of both ways to the gates, less 2.
    """
    place(space, epoch, s, t)
    gate_s, way_s = gate_of(ring, s)
    gate_t, way_t = gate_of(ring, t)
    touch_s, touch_t = s, t
    begin_s, end_s, begin_t, end_t = 0, 1, 0, 1
    grown_s, grown_t = 0, 0
    while gate_s < 0 or gate_t < 0:
        if gate_s < 0:
            last, _, met = layer(graph, space, epoch, 0, begin_s, end_s)
            begin_s, end_s = end_s, last
            grown_s += 1
            if met:
                return grown_s + grown_t, NOBODY, NOBODY, s, t
            for i in range(begin_s, end_s):
                gate_s, way_s = gate_of(ring, space.queue[0, i])
                if gate_s >= 0:
                    touch_s = space.queue[0, i]
                    break
        if gate_t < 0:
            last, _, met = layer(graph, space, epoch, 1, begin_t, end_t)
            begin_t, end_t = end_t, last
            grown_t += 1
            if met:
                return grown_s + grown_t, NOBODY, NOBODY, s, t
            for i in range(begin_t, end_t):
                gate_t, way_t = gate_of(ring, space.queue[1, i])
                if gate_t >= 0:
                    touch_t = space.queue[1, i]
                    break
        if (begin_s == end_s and gate_s < 0) or (begin_t == end_t and gate_t < 0):
            return 0, NOBODY, NOBODY, s, t
    return -(grown_s + way_s + grown_t + way_t) - 2, gate_s, gate_t, touch_s, touch_t


@compiled
def route(graph: Graph, ring: Ring, space: Space, inner: Space, epoch: int, s: int, t: int) -> int:
    """Return the length of WormHole's way from s to t; BiBFS inside the ring (variant E)."""
    if s == t:
        return 0
    local, gate_s, gate_t, _, _ = approach(graph, ring, space, epoch, s, t)
    if local >= 0:
        return local if local > 0 else UNREACHED
    core = Graph(ring.starts, ring.heads, graph.ledger)
    return -local - 2 + between(core, inner, epoch, gate_s, gate_t)


@compiled
def route_by_labels(
    graph: Graph, ring: Ring, labels: Labels, space: Space, epoch: int, s: int, t: int
) -> int:
    """Return the length of WormHole's way from s to t; labels of the ring (variant M)."""
    if s == t:
        return 0
    local, gate_s, gate_t, _, _ = approach(graph, ring, space, epoch, s, t)
    if local >= 0:
        return local if local > 0 else UNREACHED
    through = apart(labels, graph.ledger, gate_s, gate_t)
    return -local - 2 + through if through < 2 * FAR else UNREACHED


@compiled
def walked(
    graph: Graph, ring: Ring, space: Space, inner: Space, epoch: int, s: int, t: int, walk: Ints
) -> int:
    """Write the way itself into `walk`, from s to t, and return its length (variant E)."""
    walk[0] = s
    if s == t:
        return 0
    local, gate_s, gate_t, touch_s, touch_t = approach(graph, ring, space, epoch, s, t)
    if local >= 0:
        return joined(space, walk) if local > 0 else UNREACHED
    end = climb(space, touch_s, walk, 0)
    for i in range(end // 2):
        walk[i], walk[end - 1 - i] = walk[end - 1 - i], walk[i]
    if gate_s == gate_t:
        walk[end] = ring.core[gate_s]
        inside = 0
    else:
        core = Graph(ring.starts, ring.heads, graph.ledger)
        between(core, inner, epoch, gate_s, gate_t)
        inside = joined(inner, walk[end:])
        for i in range(end, end + inside + 1):
            walk[i] = ring.core[walk[i]]
    if ring.core[gate_s] == touch_s:
        for i in range(end, end + inside + 1):
            walk[i - 1] = walk[i]
        end -= 1
    end += inside
    skip = 1 if ring.core[gate_t] == touch_t else 0
    return climb(space, touch_t, walk, end + 1 - skip) - 1

"""Breadth-first search: one layer of one side, both sides until they meet, and from one vertex.

Both sides mark in one array. A search that grows by whole layers needs no stored distances: the
first edge from one side's frontier to a vertex of the other closes a shortest path, because
any shorter one would have been closed in an earlier layer. Its length is the number of layers
grown on both sides.
"""

import numpy as np

from adabench.workloads.algorithms.shortest_paths.substrate.kernels import (
    READS,
    Graph,
    Ints,
    Space,
    degree,
    room,
    row,
)
from adabench.workloads.shared.compiled.kernels import compiled

UNREACHED = -1


@compiled
def place(space: Space, epoch: int, s: int, t: int) -> None:
    """Begin a two-sided search: each side has seen its own end. `s` and `t` differ."""
    for side, vertex in enumerate((s, t)):
        space.trace[vertex, 0] = 2 * epoch + side
        space.trace[vertex, 1] = -1
        space.queue[side, 0] = vertex


@compiled
def layer(
    graph: Graph, space: Space, epoch: int, side: int, begin: int, end: int
) -> tuple[int, int, bool]:
    """Expand the frontier `queue[side, begin:end]` by one layer.

    Returns the new end of the queue, how many neighbours the new layer has, and whether the
    sides met; then the layer is left unfinished, what is unread of the last row is not paid
    for, and `space.met` is the edge.
    """
    trace, queue = space.trace, space.queue[side]
    mine, base = 2 * epoch + side, 2 * epoch
    volume, last = 0, end
    for i in range(begin, end):
        v = queue[i]
        low, high = row(graph, space, v)
        for j in range(low, high):
            u = graph.heads[j]
            mark = trace[u, 0]
            if mark < base:
                trace[u, 0] = mine
                trace[u, 1] = v
                queue[last] = u
                last += 1
                volume += degree(graph, u)
            elif mark != mine:
                graph.ledger[READS] -= high - j - 1
                space.met[side] = v
                space.met[1 - side] = u
                return last, volume, True
    return last, volume, False


@compiled
def between(graph: Graph, space: Space, epoch: int, s: int, t: int) -> int:
    """Return dist(s, t): grow the side whose frontier has fewer neighbours until they meet."""
    if s == t:
        return 0
    place(space, epoch, s, t)
    begin_s, end_s, volume_s = 0, 1, degree(graph, s)
    begin_t, end_t, volume_t = 0, 1, degree(graph, t)
    length = 0
    while begin_s < end_s and begin_t < end_t:
        length += 1
        if volume_s <= volume_t:
            last, volume_s, met = layer(graph, space, epoch, 0, begin_s, end_s)
            begin_s, end_s = end_s, last
        else:
            last, volume_t, met = layer(graph, space, epoch, 1, begin_t, end_t)
            begin_t, end_t = end_t, last
        if met:
            return length
    return UNREACHED


@compiled
def flood(graph: Graph, space: Space, source: int, lengths: Ints) -> None:
    """Fill `lengths` (n,) with the distance of every vertex from `source`."""
    queue = space.queue[0]
    lengths[:] = UNREACHED
    lengths[source] = 0
    queue[0] = source
    first, last = 0, 1
    while first < last:
        v = queue[first]
        first += 1
        low, high = row(graph, space, v)
        for j in range(low, high):
            u = graph.heads[j]
            if lengths[u] < 0:
                lengths[u] = lengths[v] + 1
                queue[last] = u
                last += 1


@compiled
def survey(starts: Ints, heads: Ints, pairs: Ints) -> int:
    """Return how many neighbours a plain two-sided search reads for these pairs (q, 2)."""
    graph = Graph(starts, heads, np.zeros(3, np.int64))
    space = room(len(starts) - 1)
    for i in range(len(pairs)):
        between(graph, space, i + 1, pairs[i, 0], pairs[i, 1])
    return int(graph.ledger[READS])


@compiled
def climb(space: Space, vertex: int, walk: Ints, at: int) -> int:
    """Write the way from `vertex` up to its side's end into `walk`; return where it ends."""
    while vertex >= 0:
        walk[at] = vertex
        at += 1
        vertex = space.trace[vertex, 1]
    return at


@compiled
def joined(space: Space, walk: Ints) -> int:
    """Write the path of a search that met into `walk`, from side 0's end; return its length."""
    half = climb(space, space.met[0], walk, 0)
    for i in range(half // 2):
        walk[i], walk[half - 1 - i] = walk[half - 1 - i], walk[i]
    return climb(space, space.met[1], walk, half) - 1

"""Pruned landmark labelling: an exact distance index, on the graph or on the inner ring.

Every vertex keeps (hub, distance) pairs such that any two vertices share a hub on a shortest
path between them:

    dist(s, t) = min over hubs h in both labels of d(s, h) + d(h, t)

Hubs are taken in order of degree, ties at random. From each a BFS runs that stops wherever the
labels so far already give the distance: the first hubs cover most pairs, and later searches
are short. Entries of a label are sorted by hub, so a query is one merge.

Entry by entry, reads are paid: in the pruning tests as in the queries.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.algorithms.shortest_paths.substrate.kernels import (
    Counts,
    Graph,
    Ints,
    Space,
    degree,
    pay,
    row,
)
from adabench.workloads.shared.compiled.arrays import copy_into
from adabench.workloads.shared.compiled.kernels import compiled

FAR = 1 << 14
"""No label holds a distance of this or more: both halves of a sum fit 16 bits."""
Shorts = NDArray[np.int16]


class Labels(NamedTuple):
    """The index: a row of hubs and distances for each vertex."""

    starts: Counts
    """(n + 1,)"""
    hubs: Ints
    """Ranks in the order of hubs, rising within a row."""
    lengths: Shorts


@compiled
def label(graph: Graph, space: Space, coin: int) -> Labels:
    """Return the labels of all vertices.

    Raises:
        ValueError: if a distance is too long for a label.
    """
    np.random.seed(coin)
    n = len(graph.starts) - 1
    order = _by_degree(graph, n)
    starts = np.arange(n, dtype=np.int64) * 8
    counts, room = np.zeros(n, np.int32), np.full(n, 8, np.int32)
    hubs, lengths = np.empty(16 * n, np.int32), np.empty(16 * n, np.int16)
    end = np.int64(8 * n)
    near = np.full(n, FAR, np.int16)
    seen = np.full(n, -1, np.int32)
    depth = np.empty(n, np.int16)
    queue = space.queue[0]
    for rank in range(n):
        hub = order[rank]
        for k in range(starts[hub], starts[hub] + counts[hub]):
            near[hubs[k]] = lengths[k]
        queue[0], depth[0], seen[hub] = hub, 0, rank
        first, last = 0, 1
        while first < last:
            v, d = queue[first], depth[first]
            first += 1
            if _covered(graph.ledger, near, hubs, lengths, starts[v], counts[v], d):
                continue
            if counts[v] == room[v]:
                if end + 2 * room[v] > len(hubs):
                    hubs, lengths = _double(hubs, end), _double_shorts(lengths, end)
                for k in range(counts[v]):
                    hubs[end + k] = hubs[starts[v] + k]
                    lengths[end + k] = lengths[starts[v] + k]
                starts[v] = end
                room[v] *= 2
                end += room[v]
            at = starts[v] + counts[v]
            hubs[at], lengths[at] = rank, d
            counts[v] += 1
            low, high = row(graph, space, v)
            for j in range(low, high):
                u = graph.heads[j]
                if seen[u] != rank:
                    if d + 1 >= FAR:
                        raise ValueError("labels hold distances below 16,384")
                    seen[u] = rank
                    queue[last], depth[last] = u, d + 1
                    last += 1
        for k in range(starts[hub], starts[hub] + counts[hub]):
            near[hubs[k]] = FAR
    return _packed(starts, counts, hubs, lengths)


@compiled
def _by_degree(graph: Graph, n: int) -> Ints:
    """Return the vertices by falling degree, in drawn order within a degree."""
    key = np.empty(n, np.float64)
    for v in range(n):
        key[v] = -degree(graph, v) - np.random.random()
    return np.argsort(key).astype(np.int32)


@compiled
def _covered(
    ledger: Counts, near: Shorts, hubs: Ints, lengths: Shorts, start: int, count: int, d: int
) -> bool:
    """Tell whether the labels so far give a distance of at most `d` from the current hub."""
    for k in range(start, start + count):
        if np.int32(near[hubs[k]]) + np.int32(lengths[k]) <= d:
            pay(ledger, k - start + 1)
            return True
    pay(ledger, count)
    return False


@compiled
def _double(values: Ints, used: int | np.int64) -> Ints:
    wider = np.empty(2 * len(values), np.int32)
    copy_into(wider, values[:used])
    return wider


@compiled
def _double_shorts(values: Shorts, used: int | np.int64) -> Shorts:
    wider = np.empty(2 * len(values), np.int16)
    copy_into(wider, values[:used])
    return wider


@compiled
def _packed(starts: Counts, counts: Ints, hubs: Ints, lengths: Shorts) -> Labels:
    """Close the gaps that growing left."""
    packed = np.zeros(len(counts) + 1, np.int64)
    for v in range(len(counts)):
        packed[v + 1] = packed[v] + counts[v]
    some_hubs = np.empty(packed[-1], np.int32)
    some_lengths = np.empty(packed[-1], np.int16)
    for v in range(len(counts)):
        for k in range(counts[v]):
            some_hubs[packed[v] + k] = hubs[starts[v] + k]
            some_lengths[packed[v] + k] = lengths[starts[v] + k]
    return Labels(packed, some_hubs, some_lengths)


@compiled
def apart(labels: Labels, ledger: Counts, s: int, t: int) -> int:
    """Return the distance by merging two labels; 2 * FAR if they share no hub."""
    i, j = labels.starts[s], labels.starts[t]
    end_i, end_j = labels.starts[s + 1], labels.starts[t + 1]
    best, begun = 2 * FAR, i + j
    while i < end_i and j < end_j:
        if labels.hubs[i] < labels.hubs[j]:
            i += 1
        elif labels.hubs[i] > labels.hubs[j]:
            j += 1
        else:
            best = min(best, int(labels.lengths[i]) + int(labels.lengths[j]))
            i += 1
            j += 1
    pay(ledger, i + j - begun)
    return best

"""The oracle's distances, by code that shares nothing with the searches it judges.

`distances` grows balls around both ends, one layer at a time and always the smaller one, keeps
every distance, finishes each layer, and takes the least sum over all vertices in both balls
once no shorter sum can come. `confirm` then floods from some of the sources the plain way,
at every load; a disagreement ends the run. The tests hold both against other libraries.
"""

from dataclasses import dataclass

import numpy as np

from adabench.harness.errors import AdabenchError
from adabench.workloads.algorithms.shortest_paths.substrate.bfs import survey
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Case
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import Ints
from adabench.workloads.shared.compiled.kernels import compiled

CONFIRMED = 4
"""Sources of each case that are flooded at every load."""


@compiled
def distances(starts: Ints, heads: Ints, pairs: Ints) -> Ints:
    """Return the distance of each pair (q, 2); -1 where there is no way."""
    n = len(starts) - 1
    stamp = np.zeros((2, n), np.int32)
    length = np.zeros((2, n), np.int32)
    ball = np.zeros((2, n), np.int32)
    found = np.empty(len(pairs), np.int32)
    for i in range(len(pairs)):
        found[i] = _distance(starts, heads, pairs[i, 0], pairs[i, 1], i + 1, stamp, length, ball)
    return found


@compiled
def _distance(
    starts: Ints, heads: Ints, s: int, t: int, now: int, stamp: Ints, length: Ints, ball: Ints
) -> int:
    if s == t:
        return 0
    inner = np.zeros(2, np.int64)
    outer = np.ones(2, np.int64)
    radius = np.zeros(2, np.int64)
    best = np.int64(len(starts) * 2)
    for side in range(2):
        v = s if side == 0 else t
        ball[side, 0], stamp[side, v], length[side, v] = v, now, 0
    while inner[0] < outer[0] and inner[1] < outer[1]:
        if radius[0] + radius[1] >= best:
            return int(best)
        side = 0 if outer[0] - inner[0] <= outer[1] - inner[1] else 1
        edge, radius[side] = outer[side], radius[side] + 1
        for i in range(inner[side], outer[side]):
            for u in heads[starts[ball[side, i]] : starts[ball[side, i] + 1]]:
                if stamp[side, u] == now:
                    continue
                stamp[side, u], length[side, u] = now, radius[side]
                ball[side, edge] = u
                edge += 1
                if stamp[1 - side, u] == now:
                    best = min(best, radius[side] + length[1 - side, u])
        inner[side], outer[side] = outer[side], edge
    return int(best) if best < len(starts) * 2 else -1


@compiled
def flooded(starts: Ints, heads: Ints, source: int) -> Ints:
    """Return the distance of every vertex from `source` by plain breadth-first search."""
    length = np.full(len(starts) - 1, -1, np.int32)
    queue = np.empty(len(starts) - 1, np.int32)
    queue[0], length[source] = source, 0
    end = 1
    for i in range(len(queue)):
        if i == end:
            break
        for u in heads[starts[queue[i]] : starts[queue[i] + 1]]:
            if length[u] < 0:
                length[u] = length[queue[i]] + 1
                queue[end] = u
                end += 1
    return length


@dataclass(frozen=True)
class Truth:
    """What is known about a case's pairs."""

    lengths: Ints
    """(q,) exact distances."""
    bibfs_reads: int
    """How many neighbours a plain two-sided search reads for all pairs: the yardstick of work."""


def exact(case: Case) -> Truth:
    """Return the distances of a case's pairs, some of them confirmed by flooding.

    Raises:
        AdabenchError: if two ways of computing a distance disagree.
    """
    graph = case.graph
    found = distances(graph.starts, graph.heads, case.pairs)
    for s, t, length in zip(*case.pairs[:CONFIRMED].T, found, strict=False):
        if flooded(graph.starts, graph.heads, s)[t] != length:
            raise AdabenchError(
                f"The oracle disagrees with itself on {case.group}, seed {case.seed}, {s} to {t}.",
                "This is a bug in adabench; please report it.",
            )
    return Truth(found, survey(graph.starts, graph.heads, case.pairs))

"""The right answers, by a recursion over time that shares no code with any method.

The interval [low, high) of updates is handed the edges that live through part of it. Those
that live through all of it are united; the others go to the half or halves that they meet.
At a single update the union-find answers the query. Unions are undone on the way back.

O(T log T log n) for all answers; it needs every deletion time beforehand.
"""

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate.update_loop import Flags, Ints, Small
from adabench.workloads.algorithms.connectivity.substrate.update_streams import Stream
from adabench.workloads.shared.compiled.arrays import unwritten
from adabench.workloads.shared.compiled.kernels import compiled


def connected(stream: Stream, starts: Small, ends: Small) -> Flags:
    """Return (T,) 1 where the pair of a query is connected after its update."""
    opens = stream.opens == 1
    pairs = (stream.query_left, stream.query_right)
    starts, ends, query_left, query_right = map(unwritten, (starts, ends, *pairs))
    return answers(
        stream.n, stream.left[opens], stream.right[opens], starts, ends, query_left, query_right
    )


@compiled
def answers(
    n: int, left: Small, right: Small, starts: Small, ends: Small, query_left: Small,
    query_right: Small,
) -> Flags:  # fmt: skip
    """Answer all queries; edges are (m,), queries (T,).

    The recursion is a stack of visits: [low, high) with the edges listed from `first` to `last`,
    or, with high = -1, a promise to undo unions down to `low` and to drop the list from `first`.
    A list below the root's has an edge for each update in its interval at most, hence the room.
    """
    horizon, edges = len(query_left), len(starts)
    found = np.zeros(horizon, np.uint8)
    above = np.arange(n)
    weight = np.ones(n, np.int64)
    joined = np.zeros(n + 1, np.int64)
    depth = 0
    lists = np.zeros(edges + 4 * horizon + 4, np.int32)
    for e in range(edges):
        lists[e] = e
    visits = np.zeros((4 * (2 + _bits(horizon)) + 4, 4), np.int64)
    _enter(visits, 0, (0, horizon, 0, edges))
    open_visits = 1
    top = edges
    while open_visits > 0:
        open_visits -= 1
        low, high, first, last = visits[open_visits]
        if high < 0:
            depth = _undone(above, weight, joined, depth, low)
            top = first
            continue
        begun, top = depth, last
        middle = (low + high) // 2
        for i in range(first, last):
            e = lists[i]
            if starts[e] <= low and ends[e] >= high:
                a, b = _root(above, left[e]), _root(above, right[e])
                if a != b:
                    if weight[a] < weight[b]:
                        a, b = b, a
                    above[b] = a
                    weight[a] += weight[b]
                    joined[depth] = b
                    depth += 1
        if high - low == 1:
            found[low] = _root(above, query_left[low]) == _root(above, query_right[low])
        _enter(visits, open_visits, (begun, -1, last, 0))
        open_visits += 1
        if high - low > 1:
            for half in range(2):
                begin, end = (middle, high) if half == 0 else (low, middle)
                start = top
                for i in range(first, last):
                    e = lists[i]
                    whole = starts[e] <= low and ends[e] >= high
                    if not whole and starts[e] < end and ends[e] > begin:
                        lists[top] = e
                        top += 1
                _enter(visits, open_visits, (begin, end, start, top))
                open_visits += 1
    return found


@compiled
def _enter(visits: Ints, row: int, visit: tuple[int, int, int, int]) -> None:
    """Write a visit; number by number, since numba takes seconds to compile `visits[row] = array`."""
    for column in range(4):
        visits[row, column] = visit[column]


@compiled
def _root(above: Ints, vertex: int) -> int:
    while above[vertex] != vertex:
        vertex = above[vertex]
    return vertex


@compiled
def _undone(above: Ints, weight: Ints, joined: Ints, depth: int, low: int) -> int:
    """Undo unions until `low` of them stand; return that."""
    while depth > low:
        depth -= 1
        child = joined[depth]
        weight[above[child]] -= weight[child]
        above[child] = child
    return depth


@compiled
def _bits(x: int) -> int:
    count = 0
    while x > 0:
        x >>= 1
        count += 1
    return count

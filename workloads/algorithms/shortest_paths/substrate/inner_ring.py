"""The inner ring: which vertices it takes, and what is kept of it.

    L0  the inner ring: the only vertices whose neighbours are read
    L1  the outer ring: neighbours of L0; each keeps one of them as its gate
    L2  the periphery: the rest, of which nothing is known

`grow` adds one vertex of L1 after another. WormHole takes the one with the most neighbours in L0
*so far* (its perceived degree): nobody has told it true degrees, and reading them would mean
reading the graph. A bucket for each perceived degree, a vertex entered again at each rise and
stale entries skipped, makes that O(sum of degrees of L0) in all.

The control takes any vertex of L1, each with the same chance. Its ring is connected and as
large, and the same routing runs on it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from adabench.workloads.algorithms.shortest_paths.substrate.kernels import (
    Counts,
    Graph,
    Ints,
    Space,
    degree,
    row,
)
from adabench.workloads.shared.compiled.arrays import copy_into
from adabench.workloads.shared.compiled.kernels import compiled

CORE = -2
"""In place of a gate while the ring grows: the vertex is in L0 itself."""


class Ring(NamedTuple):
    """The index: a gate for each vertex that has one, and the graph on the inner ring."""

    gate: Ints
    """(n,) the number in the ring of the vertex itself (L0) or its gate (L1); -1 beyond."""
    core: Ints
    """(k,) the vertex with each number."""
    starts: Ints
    """(k + 1,) G[L0], rows by number in the ring."""
    heads: Ints


def size_of(share: float) -> Callable[[int], int]:
    """Return what a share of the vertices is in vertices: at least one."""
    return lambda vertices: max(1, round(share * vertices))


@compiled
def grow(graph: Graph, space: Space, coin: int, size: int, greedy: bool) -> Ring:
    """Return a ring of `size` vertices around a drawn one; all of them if there are fewer."""
    np.random.seed(coin)
    n = len(graph.starts) - 1
    gate = np.full(n, -1, np.int32)
    core = np.empty(min(size, n), np.int32)
    start = np.random.randint(0, n)
    if greedy:
        _take_best(graph, space, start, gate, core)
    else:
        _take_any(graph, space, start, gate, core)
    number = space.queue[0]
    for i in range(len(core)):
        number[core[i]] = i
    starts, heads = _inside(graph, space, gate, core, number)
    for v in range(n):
        if gate[v] >= 0:
            gate[v] = number[gate[v]]
    for i in range(len(core)):
        gate[core[i]] = i
    return Ring(gate, core, starts, heads)


@compiled
def _take_best(graph: Graph, space: Space, start: int, gate: Ints, core: Ints) -> None:
    """Fill `core` by perceived degree, largest first; `gate` holds vertices, or CORE."""
    n, size = len(gate), len(core)
    perceived = np.zeros(n, np.int32)
    first_in = np.full(size + 2, -1, np.int64)
    entered = np.empty(1024, np.int32)
    following = np.empty(1024, np.int64)
    entries, top, v = 0, 0, start
    for i in range(size):
        core[i] = v
        gate[v] = CORE
        low, high = row(graph, space, v)
        if entries + high - low > len(entered):
            wider = 2 * (entries + high - low)
            entered, following = _wider(entered, wider), _wider_counts(following, wider)
        for j in range(low, high):
            u = graph.heads[j]
            if gate[u] == CORE:
                continue
            if gate[u] == -1:
                gate[u] = v
            perceived[u] += 1
            level = perceived[u]
            entered[entries] = u
            following[entries] = first_in[level]
            first_in[level] = entries
            entries += 1
            top = max(top, level)
        while top > 0:
            entry = first_in[top]
            if entry < 0:
                top -= 1
                continue
            first_in[top] = following[entry]
            v = entered[entry]
            if gate[v] != CORE and perceived[v] == top:
                break


@compiled
def _wider(values: Ints, size: int) -> Ints:
    copy = np.empty(size, np.int32)
    copy_into(copy, values)
    return copy


@compiled
def _wider_counts(values: Counts, size: int) -> Counts:
    copy = np.empty(size, np.int64)
    copy_into(copy, values)
    return copy


@compiled
def _take_any(graph: Graph, space: Space, start: int, gate: Ints, core: Ints) -> None:
    """Fill `core` with vertices drawn from the outer ring as it is at each step."""
    outer = space.queue[1]
    count, v = 0, start
    for i in range(len(core)):
        core[i] = v
        gate[v] = CORE
        low, high = row(graph, space, v)
        for j in range(low, high):
            u = graph.heads[j]
            if gate[u] == -1:
                gate[u] = v
                outer[count] = u
                count += 1
        if count == 0:
            break
        drawn = np.random.randint(0, count)
        v = outer[drawn]
        count -= 1
        outer[drawn] = outer[count]


@compiled
def _inside(graph: Graph, space: Space, gate: Ints, core: Ints, number: Ints) -> tuple[Ints, Ints]:
    """Return G[L0] by numbers in the ring. Its rows were read once; they are held, not read again.

    A row lists the vertices taken first (mostly hubs) first, so that searches meet early.
    """
    starts = np.zeros(len(core) + 1, np.int32)
    most = 0
    for i in range(len(core)):
        most += degree(graph, core[i])
    heads = np.empty(most, np.int32)
    last = 0
    for i in range(len(core)):
        for j in range(graph.starts[core[i]], graph.starts[core[i] + 1]):
            if gate[graph.heads[j]] == CORE:
                heads[last] = number[graph.heads[j]]
                last += 1
        heads[starts[i] : last].sort()
        starts[i + 1] = last
    return starts, heads[:last].copy()

"""A graph as a case sees it: undirected, simple, connected, as compressed sparse rows.

Every graph passes through `from_edges`, whatever it comes from: loops and repeated edges go,
the largest connected component stays, and its vertices are numbered 0 .. n-1 in the order of their
old numbers. Distances between components do not exist, so nothing is lost that could be asked.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.algorithms.shortest_paths.substrate.kernels import Ints
from adabench.workloads.shared.counting.frozen_arrays import content_number

Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Sparse:
    """Compressed sparse rows, read-only."""

    starts: Ints
    """(n + 1,)"""
    heads: Ints
    """(2m,) the neighbours of each vertex, rising."""

    @property
    def vertices(self) -> int:
        """How many vertices there are."""
        return len(self.starts) - 1

    @property
    def edges(self) -> int:
        """How many undirected edges there are."""
        return len(self.heads) // 2


@dataclass(frozen=True)
class Case:
    """One case: a graph and the pairs whose distances are asked for."""

    group: str
    """The family, or the file name of a user's graph."""
    graph: Sparse
    pairs: Ints
    """(q, 2), read-only."""
    seed: int
    instance: float
    """The first 52 bits of a SHA-256 over graph and pairs: equal cases, equal numbers."""


def read_only(values: NDArray[np.generic]) -> Ints:
    """Return an int32 copy over immutable bytes: unlike a cleared flag, nobody can undo that."""
    flat = np.ascontiguousarray(values, np.int32)
    return np.frombuffer(flat.tobytes(), np.int32).reshape(flat.shape)


def from_edges(tails: Longs, heads: Longs, vertices: int) -> Sparse:
    """Return the largest component of the simple graph with these edges, (m,) each.

    Raises:
        ValueError: if there is no edge between two different vertices.
    """
    kept = tails != heads
    low = np.minimum(tails, heads)[kept].astype(np.int64)
    high = np.maximum(tails, heads)[kept].astype(np.int64)
    keys = np.unique(low * vertices + high)
    if not len(keys):
        raise ValueError("no edge joins two different vertices")
    low, high = keys // vertices, keys % vertices
    return largest_component(rows(low, high, vertices))


def rows(low: Longs, high: Longs, vertices: int) -> Sparse:
    """Return both directions of distinct edges as sorted rows."""
    keys = np.sort(np.concatenate((low * vertices + high, high * vertices + low)))
    starts = np.zeros(vertices + 1, np.int64)
    np.cumsum(np.bincount(keys // vertices, minlength=vertices), out=starts[1:])
    return Sparse(read_only(starts), read_only(keys % vertices))


def largest_component(graph: Sparse) -> Sparse:
    """Return the largest connected component, vertices in their old order."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    n = graph.vertices
    ones = np.ones(len(graph.heads), np.int8)
    count, member = connected_components(csr_matrix((ones, graph.heads, graph.starts), (n, n)))
    if count == 1:
        return graph
    inside = member == np.bincount(member).argmax()
    number = np.cumsum(inside) - 1
    tails = np.repeat(np.arange(n), np.diff(graph.starts))
    both = inside[tails] & (tails < graph.heads)
    return rows(number[tails[both]], number[graph.heads[both]], int(inside.sum()))


def without_pairs(case: Case) -> Case:
    """Return a case of which nothing is asked: its graph, to prepare for."""
    return replace(case, pairs=read_only(np.zeros((0, 2))))


def make_case(group: str, graph: Sparse, pairs: Ints, seed: int) -> Case:
    """Freeze the pairs and give the case its content hash."""
    pairs = read_only(pairs)
    return Case(group, graph, pairs, seed, content_number(graph.starts, graph.heads, pairs))

"""Small graphs."""

import numpy as np

from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Sparse, from_edges
from adabench.workloads.algorithms.shortest_paths.substrate.query_loop import open_graph
from adabench.workloads.shared.compiled.arrays import unwritten


def random_graph(seed: int, vertices: int, degree: float) -> Sparse:
    """The largest component of a random graph; at least one edge."""
    rng = np.random.default_rng(seed)
    edges = rng.integers(vertices, size=(max(1, round(vertices * degree / 2)), 2))
    edges = np.vstack((edges, [[0, 1]]))
    return from_edges(edges[:, 0], edges[:, 1], vertices)


def brute(graph: Sparse) -> np.ndarray:
    """All distances by Floyd and Warshall: no search, no queue, nothing in common with ours."""
    n = graph.vertices
    far = np.full((n, n), n, np.int64)
    np.fill_diagonal(far, 0)
    for v in range(n):
        far[v, neighbours(graph, v)] = 1
    np.fill_diagonal(far, 0)
    for k in range(n):
        far = np.minimum(far, far[:, k : k + 1] + far[k : k + 1])
    return far


def neighbours(graph: Sparse, v: int) -> list[int]:
    return graph.heads[graph.starts[v] : graph.starts[v + 1]].tolist()


def kernel(graph: Sparse):
    """A graph and room as kernels take them."""
    return open_graph(unwritten(graph.starts), unwritten(graph.heads), np.zeros(3, np.int64))

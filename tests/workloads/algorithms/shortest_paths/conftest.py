"""Small graphs, methods by name, and a run of one method over a task."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Sparse, from_edges
from adabench.workloads.algorithms.shortest_paths.substrate.query_loop import open_graph
from adabench.workloads.algorithms.shortest_paths.substrate.replay import ShortestPaths
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


@pytest.fixture(scope="session")
def methods() -> dict[str, ModuleType]:
    found = registry.methods("shortest_paths").values()
    return {entry.name: registry.load(entry) for entry in found}


@pytest.fixture(scope="session")
def values(methods) -> Callable[..., list[dict[str, float]]]:
    """Run a method over a task: the values of each case."""

    def run(name: str, task: ShortestPaths, **knobs) -> list[dict[str, float]]:
        method = methods[name]
        point = {**method.CARD.defaults, **knobs}
        state = method.prepare(task, point, 0) if hasattr(method, "prepare") else task
        found = []
        for case in task.cases():
            task.meter.clear()
            answers = method.solve(state, case, point)
            found.append({**task.meter, **task.score(case, answers)})
        return found

    return run

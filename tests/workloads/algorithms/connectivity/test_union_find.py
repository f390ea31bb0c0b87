"""The union-find that can be undone: an undo restores what was there, to the last size."""

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate.union_find import (
    find,
    undo_to,
    undoable_union_find,
    unite,
)
from adabench.workloads.algorithms.connectivity.substrate.update_loop import Net

N, EDGES = 24, 60


def test_an_undo_restores_parents_and_sizes() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, N, (2, EDGES)).astype(np.int32)
    net = Net(N, EDGES, left, right, np.zeros(EDGES, np.int32), np.zeros(7, np.int64))
    forest = undoable_union_find(N)
    heights, states = [], []
    for edge in range(EDGES):
        heights.append(int(forest.height[0]))
        states.append((forest.parent.copy(), forest.size.copy()))
        unite(net, forest, edge)
        assert find(net, forest, left[edge]) == find(net, forest, right[edge])
    assert max(states[-1][1]) > N // 2
    for edge in range(EDGES - 1, -1, -7):
        undo_to(net, forest, heights[edge])
        assert np.array_equal(forest.parent, states[edge][0])
        assert np.array_equal(forest.size, states[edge][1])

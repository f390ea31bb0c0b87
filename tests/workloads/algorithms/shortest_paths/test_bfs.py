"""Distances are right: searches, labels and the oracle against brute force; and so are counts."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adabench.workloads.algorithms.shortest_paths.substrate.bfs import between, flood, joined
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Sparse
from adabench.workloads.algorithms.shortest_paths.substrate.graph_families import (
    generate,
    with_pairs,
)
from adabench.workloads.algorithms.shortest_paths.substrate.pruned_labels import apart, label
from adabench.workloads.algorithms.shortest_paths.truth.distances import distances, exact, flooded

from .conftest import brute, kernel, neighbours, random_graph

graphs = st.builds(random_graph, st.integers(0, 2**31), st.integers(2, 14), st.floats(0.5, 6.0))
PAIRS = 50


def agree(graph: Sparse, seed: int) -> None:
    """Hold every way of computing distances to brute force, on `PAIRS` random pairs."""
    far = brute(graph)
    rng = np.random.default_rng(seed)
    pairs = rng.integers(graph.vertices, size=(PAIRS, 2)).astype(np.int32)
    expected = far[pairs[:, 0], pairs[:, 1]]
    view, space = kernel(graph)
    found = [between(view, space, i + 1, s, t) for i, (s, t) in enumerate(pairs)]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(distances(graph.starts, graph.heads, pairs), expected)
    view, space = kernel(graph)
    labels = label(view, space, seed % 1000)
    found = [apart(labels, view.ledger, s, t) for s, t in pairs]
    np.testing.assert_array_equal(found, expected)
    source = int(pairs[0, 0])
    np.testing.assert_array_equal(flooded(graph.starts, graph.heads, source), far[source])


@settings(max_examples=200, deadline=None)
@given(graphs, st.integers(0, 2**31))
def test_distances_agree_with_brute_force_in_10_000_cases(graph: Sparse, seed: int) -> None:
    agree(graph, seed)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(graphs, st.integers(0, 2**31))
def test_distances_agree_with_brute_force_on_10_000_graphs(graph: Sparse, seed: int) -> None:
    agree(graph, seed)


@pytest.mark.parametrize("family", ["power_2.5", "necklace", "grid", "geometric"])
def test_distances_agree_with_another_library_on_every_family(family: str) -> None:
    graph = generate(family, 700, 0)
    case = with_pairs(family, graph, 2000, 0)
    other = nx.Graph()
    other.add_edges_from((v, u) for v in range(graph.vertices) for u in neighbours(graph, v))
    view, space = kernel(graph)
    known = exact(case).lengths
    for i, (s, t) in enumerate(case.pairs[:200].tolist()):
        assert between(view, space, i + 1, s, t) == known[i]
        assert nx.shortest_path_length(other, s, t) == known[i]


def reads_by_hand(graph: Sparse, s: int, t: int) -> tuple[int, int, int]:
    """A two-sided search in plain Python: distance, neighbours read, rows opened."""
    if s == t:
        return 0, 0, 0
    seen = [{s}, {t}]
    frontier = [[s], [t]]
    volume = [len(neighbours(graph, s)), len(neighbours(graph, t))]
    reads = rows = layers = 0
    while True:
        side = 0 if volume[0] <= volume[1] else 1
        layers += 1
        new: list[int] = []
        for v in frontier[side]:
            rows += 1
            for u in neighbours(graph, v):
                reads += 1
                if u in seen[1 - side]:
                    return layers, reads, rows
                if u not in seen[side]:
                    seen[side].add(u)
                    new.append(u)
        frontier[side] = new
        volume[side] = sum(len(neighbours(graph, u)) for u in new)


@pytest.mark.parametrize("family", ["power_2.5", "geometric"])
def test_counts_are_those_of_a_search_by_hand(family: str) -> None:
    graph = generate(family, 400, 3)
    case = with_pairs(family, graph, 1000, 3)
    view, space = kernel(graph)
    for i, (s, t) in enumerate(case.pairs[:100].tolist()):
        before = view.ledger.copy()
        length = between(view, space, i + 1, s, t)
        spent = view.ledger - before
        assert (length, spent[0], spent[1], spent[2]) == (*reads_by_hand(graph, s, t), 0)


def test_the_path_of_a_search_is_a_path() -> None:
    graph = generate("geometric", 600, 0)
    case = with_pairs("geometric", graph, 2000, 0)
    view, space = kernel(graph)
    walk = np.empty(graph.vertices, np.int32)
    for i, (s, t) in enumerate(case.pairs.tolist()):
        length = between(view, space, i + 1, s, t)
        assert joined(space, walk) == length
        assert (walk[0], walk[length]) == (s, t)
        assert all(walk[k + 1] in neighbours(graph, walk[k]) for k in range(length))


def test_a_flood_reads_every_row_once() -> None:
    graph = generate("power_2.5", 500, 0)
    view, space = kernel(graph)
    lengths = np.empty(graph.vertices, np.int32)
    flood(view, space, 0, lengths)
    assert view.ledger.tolist() == [2 * graph.edges, graph.vertices, 0]
    np.testing.assert_array_equal(lengths, flooded(graph.starts, graph.heads, 0))


def test_labels_refuse_a_distance_that_they_cannot_hold() -> None:
    n = 40_000
    path = Sparse(
        np.concatenate(([0], np.arange(1, 2 * n - 2, 2), [2 * n - 2])).astype(np.int32),
        np.concatenate(([1], np.ravel([(v - 1, v + 1) for v in range(1, n - 1)]), [n - 2])).astype(
            np.int32
        ),
    )
    view, space = kernel(path)
    with pytest.raises(ValueError, match="16,384"):
        label(view, space, 0)


def test_the_oracle_notices_when_it_disagrees_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from adabench.harness.errors import AdabenchError
    from adabench.workloads.algorithms.shortest_paths.truth import distances as truth

    case = with_pairs("grid", generate("grid", 100, 0), 100, 0)
    monkeypatch.setattr(truth, "flooded", lambda starts, heads, source: np.zeros(100, np.int32))
    with pytest.raises(AdabenchError, match="disagrees with itself"):
        truth.exact(case)

"""The ring takes what it should, reads nothing else, and queries go through it and nowhere else."""

import itertools

import numpy as np
import pytest

from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Sparse, from_edges
from adabench.workloads.algorithms.shortest_paths.substrate.graph_families import (
    generate,
    with_pairs,
)
from adabench.workloads.algorithms.shortest_paths.substrate.inner_ring import Ring, grow
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import Graph, room
from adabench.workloads.algorithms.shortest_paths.substrate.pruned_labels import label
from adabench.workloads.algorithms.shortest_paths.substrate.ring_routing import (
    route,
    route_by_labels,
    walked,
)
from adabench.workloads.algorithms.shortest_paths.truth.distances import exact

from .conftest import brute, kernel, neighbours

FAMILIES = ["power_2.5", "necklace", "grid", "geometric"]


def ring_of(graph, size: int, greedy: bool = True, coin: int = 7) -> tuple[Ring, np.ndarray]:
    view, space = kernel(graph)
    return grow(view, space, coin, size, greedy), np.append(view.ledger, space.queried.sum())


@pytest.mark.parametrize("family", FAMILIES)
def test_each_step_takes_the_vertex_with_the_most_neighbours_inside(family: str) -> None:
    graph = generate(family, 400, 0)
    ring, _ = ring_of(graph, 60)
    assert len(set(ring.core.tolist())) == 60
    perceived: dict[int, int] = {}
    inside = {int(ring.core[0])}
    for before, v in zip(ring.core[:-1].tolist(), ring.core[1:].tolist(), strict=True):
        for u in neighbours(graph, before):
            perceived[u] = perceived.get(u, 0) + 1
        assert perceived[v] == max(c for u, c in perceived.items() if u not in inside)
        inside.add(v)


@pytest.mark.parametrize("greedy", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_ring_reads_its_own_rows_once_and_holds_gates_and_the_induced_graph(
    family: str, greedy: bool
) -> None:
    graph = generate(family, 400, 2)
    ring, spent = ring_of(graph, 50, greedy)
    inside = set(ring.core.tolist())
    total = sum(len(neighbours(graph, v)) for v in inside)
    assert spent.tolist() == [total, 50, 0, 50]
    for v in range(graph.vertices):
        near = inside.intersection(neighbours(graph, v))
        if v in inside:
            assert ring.core[ring.gate[v]] == v
        elif near:
            assert ring.core[ring.gate[v]] in near
        else:
            assert ring.gate[v] == -1
    for i, v in enumerate(ring.core.tolist()):
        row = ring.heads[ring.starts[i] : ring.starts[i + 1]]
        assert row.tolist() == sorted(row.tolist())
        assert set(ring.core[row].tolist()) == inside.intersection(neighbours(graph, v))


def test_a_ring_of_all_vertices_is_the_graph() -> None:
    graph = generate("power_2.5", 300, 0)
    for greedy in (True, False):
        ring, spent = ring_of(graph, 10**6, greedy)
        assert sorted(ring.core.tolist()) == list(range(graph.vertices))
        assert spent[0] == 2 * graph.edges


def test_rings_of_one_coin_are_nested_and_coins_differ() -> None:
    graph = generate("power_2.5", 500, 0)
    small, large = ring_of(graph, 20)[0], ring_of(graph, 80)[0]
    assert large.core[:20].tolist() == small.core.tolist()
    assert ring_of(graph, 20, coin=8)[0].core[0] != small.core[0]


@pytest.mark.parametrize("greedy", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_way_is_a_walk_and_variants_agree(family: str, greedy: bool) -> None:
    graph = generate(family, 500, 4)
    case = with_pairs(family, graph, 3000, 4)
    ring, _ = ring_of(graph, 25, greedy)
    view, space = kernel(graph)
    inner = room(25)
    core = Graph(ring.starts, ring.heads, np.zeros(3, np.int64))
    labels = label(core, room(25), 0)
    walk = np.empty(2 * graph.vertices, np.int32)
    inside = set(ring.core.tolist())
    truth = exact(case).lengths
    kinds = set()
    for i, (s, t) in enumerate(case.pairs[:300].tolist()):
        length = route(view, ring, space, inner, 3 * i + 1, s, t)
        assert route_by_labels(view, ring, labels, space, 3 * i + 2, s, t) == length
        assert walked(view, ring, space, inner, 3 * i + 3, s, t, walk) == length
        assert (walk[0], walk[length]) == (s, t)
        assert all(walk[k + 1] in neighbours(graph, walk[k]) for k in range(length))
        assert length >= truth[i]
        through = [v in inside for v in walk[: length + 1].tolist()]
        kinds.add(any(through))
        if any(through):  # one stretch inside: it never leaves the core and comes back
            assert sum(a != b for a, b in itertools.pairwise(through)) <= 2
        else:
            assert length == truth[i]
    assert True in kinds


def test_two_gates_are_joined_inside_although_it_is_shorter_outside() -> None:
    # A circle of 12 with the ring on 7 of them: the ends of the arc are 6 apart inside, and 6
    # the other way round; two outer vertices next to each other get 1 + 6 + 1 - not 5.
    around = np.arange(12)
    graph = from_edges(around, (around + 1) % 12, 12)
    ring, _ = ring_of(graph, 7)
    inside = set(ring.core.tolist())
    ends = [v for v in range(12) if v not in inside and inside.intersection(neighbours(graph, v))]
    assert len(ends) == 2
    view, space = kernel(graph)
    assert route(view, ring, space, room(7), 1, ends[0], ends[1]) == 8
    gap = (ends[0] - ends[1]) % 12
    assert min(gap, 12 - gap) == 4


def test_an_end_in_the_ring_explores_nothing() -> None:
    graph = generate("power_2.5", 500, 0)
    ring, _ = ring_of(graph, 50)
    s, t = int(ring.core[3]), int(ring.core[9])
    view, space = kernel(graph)
    route(view, ring, space, room(50), 1, s, t)
    assert space.queried.sum() == 0
    assert view.ledger[0] > 0  # the core's rows are paid for too


def errors_and_bound(graph, size: int, greedy: bool = True) -> tuple[np.ndarray, int]:
    """How much too long every pair's way is, and the diameter inside the ring plus 1."""
    ring, _ = ring_of(graph, size, greedy)
    view, space = kernel(graph)
    inner, far = room(size), brute(graph)
    pairs = list(itertools.combinations(range(graph.vertices), 2))
    found = [route(view, ring, space, inner, i + 1, s, t) for i, (s, t) in enumerate(pairs)]
    inside = brute(Sparse(ring.starts, ring.heads))
    return np.array(found) - far[np.triu_indices(graph.vertices, 1)], int(inside.max()) + 1


@pytest.mark.parametrize("greedy", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_no_way_is_longer_than_the_ring_is_wide(family: str, greedy: bool) -> None:
    """Unmet ends are at least as far apart as both have grown, and 1: the rest is the ring's."""
    for seed, size in itertools.product(range(2), (3, 12, 30)):
        found, bound = errors_and_bound(generate(family, 90, seed), size, greedy)
        assert found.min() >= 0
        assert found.max() <= bound


def test_a_ring_around_all_but_two_of_a_circle_meets_that_bound() -> None:
    around = np.arange(40)
    found, bound = errors_and_bound(from_edges(around, (around + 1) % 40, 40), 38)
    assert found.max() == bound == 38

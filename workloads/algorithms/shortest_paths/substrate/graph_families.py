"""Where the graphs come from: pure functions of (family, vertices, seed), and two real ones.

| family | what it is | why it is here |
|---|---|---|
| power_2.3, _2.5, _2.8 | Chung-Lu, weights i^(-1/(b-1)), mean degree 10 | friendly: has a core |
| necklace | a circle of hubs with leaves | hostile: ways through the core are long |
| grid | a square grid | control: no core, nothing to gain |
| geometric | points in the unit square, joined when near; mean degree 10 | control |
| debian | which package of a Debian release needs which, frozen | real |
| wordnet | which synset of WordNet 3.0 points to which | real, from its package |

In the necklace the inner ring ends part of the way round.

Ids are permuted, so that a number says nothing about a place. Every purpose draws from its own
child of `SeedSequence(seed)`. In a real graph a seed draws pairs and coins only, not the graph:
an interval over seeds says nothing about other graphs.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import (
    Case,
    Longs,
    Sparse,
    from_edges,
    make_case,
)
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import Ints
from adabench.workloads.algorithms.shortest_paths.substrate.real_graphs import debian, wordnet
from adabench.workloads.shared.counting.random_streams import child

Kind = Literal["friendly", "hostile", "control", "real"]
Edges = tuple[Longs, Longs, int]

MEAN_DEGREE = 10
INSTANCE, PAIRS, COINS = 0, 1, 2
SMALL = 20_000
"""Families that every search walks through by half stay at this size in the suite."""
TENTH = frozenset(("necklace", "grid", "geometric"))
"""Families that answer a tenth of the pairs, since a search there reads a third of the graph."""
BEADS_PER_RING = 5 / 3
"""Hubs in the necklace for each vertex of a ring of 1 %: such a ring covers 60 % of the circle."""


def chung_lu(rng: np.random.Generator, vertices: int, exponent: float) -> Edges:
    """Draw n * 5 edges, each end with probability proportional to its weight."""
    weights = np.cumsum(np.arange(1, vertices + 1) ** (-1 / (exponent - 1)))
    drawn = rng.random((2, vertices * MEAN_DEGREE // 2)) * weights[-1]
    tails, heads = np.searchsorted(weights, drawn)
    return _permuted(rng, tails, heads, vertices)


def grid(rng: np.random.Generator, vertices: int) -> Edges:
    """Return the largest square grid of at most so many vertices."""
    side = int(vertices**0.5)
    at = np.arange(side * side).reshape(side, side)
    tails = np.concatenate((at[:, :-1].ravel(), at[:-1].ravel()))
    heads = np.concatenate((at[:, 1:].ravel(), at[1:].ravel()))
    return _permuted(rng, tails, heads, side * side)


def geometric(rng: np.random.Generator, vertices: int) -> Edges:
    """Return points in the unit square, joined within the radius that gives the mean degree."""
    from scipy.spatial import cKDTree

    radius = (MEAN_DEGREE / (np.pi * vertices)) ** 0.5
    near = cKDTree(rng.random((vertices, 2))).query_pairs(radius, output_type="ndarray")
    return near[:, 0].astype(np.int64), near[:, 1].astype(np.int64), vertices


def necklace(rng: np.random.Generator, vertices: int) -> Edges:
    """Return a circle of hubs, n / 60 of them, with all other vertices as their leaves.

    A hub is joined with the next two, so that the greedy ring sees the next one and walks on.
    """
    hubs = max(3, round(vertices / 100 * BEADS_PER_RING))
    circle = np.arange(hubs)
    leaves = np.arange(hubs, vertices)
    tails = np.concatenate((circle, circle, leaves))
    heads = np.concatenate(((circle + 1) % hubs, (circle + 2) % hubs, leaves % hubs))
    return _permuted(rng, tails, heads, vertices)


def _permuted(rng: np.random.Generator, tails: Longs, heads: Longs, vertices: int) -> Edges:
    number = rng.permutation(vertices)
    return number[tails], number[heads], vertices


GENERATED: dict[str, Callable[[np.random.Generator, int], Edges]] = {
    "power_2.3": lambda rng, vertices: chung_lu(rng, vertices, 2.3),
    "power_2.5": lambda rng, vertices: chung_lu(rng, vertices, 2.5),
    "power_2.8": lambda rng, vertices: chung_lu(rng, vertices, 2.8),
    "necklace": necklace,
    "grid": grid,
    "geometric": geometric,
}
REAL: dict[str, Callable[[], Sparse]] = {"debian": debian, "wordnet": wordnet}
KINDS: dict[str, Kind] = {
    "power_2.3": "friendly",
    "power_2.5": "friendly",
    "power_2.8": "friendly",
    "necklace": "hostile",
    "grid": "control",
    "geometric": "control",
    "debian": "real",
    "wordnet": "real",
}


def suite(vertices: int) -> tuple[str, ...]:
    """Return the families of the suite.

    Beyond `SMALL` vertices those alone that have a core; Debian only beside graphs of its order.
    """
    generated = [name for name in GENERATED if vertices <= SMALL or KINDS[name] == "friendly"]
    return (*generated, "debian") if SMALL // 4 <= vertices <= SMALL else tuple(generated)


def generate(family: str, vertices: int, seed: int) -> Sparse:
    """Return a family's graph. Pure."""
    if family in REAL:
        return REAL[family]()
    rng = np.random.default_rng(child(seed, INSTANCE, family))
    return from_edges(*GENERATED[family](rng, vertices))


def draw_pairs(graph: Sparse, count: int, group: str, seed: int) -> Ints:
    """Draw (count, 2) pairs of different vertices, all alike."""
    rng = np.random.default_rng(child(seed, PAIRS, group))
    first = rng.integers(graph.vertices, size=count)
    step = rng.integers(1, graph.vertices, size=count)
    return np.stack((first, (first + step) % graph.vertices), axis=1).astype(np.int32)


def with_pairs(group: str, graph: Sparse, count: int, seed: int) -> Case:
    """Return the case of a graph and freshly drawn pairs, fewer in the families `TENTH`."""
    asked = max(1, count // 10) if group in TENTH else count
    return make_case(group, graph, draw_pairs(graph, asked, group, seed), seed)

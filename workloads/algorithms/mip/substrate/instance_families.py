"""Where the instances come from: four families, pure functions of (family, size, seed).

| family | what it is | why it is here |
|---|---|---|
| setcover    | weighted set cover, 1,500 rows, 3,000 columns, density 1.5 %, costs 1..100 | the card's contest |
| auction     | combinatorial auction, 200 items, 1,000 bids | packing instead of covering |
| gisp        | generalised independent set, 100 vertices, p = 0.6, 75 % removable edges | hostile: in the card no neighbourhood improved a start |
| independent | independent set on a preferential-attachment graph of 1,500 vertices | negative control: SCIP alone is done in a second |

All are minimised: what is maximised has negative costs. `tiny` sizes are for tests.
"""

from collections.abc import Callable
from zlib import crc32

import numpy as np

from adabench.workloads.algorithms.mip.substrate.program import INFINITY, Program, make

Generator = np.random.Generator


def generate(family: str, size: str, seed: int) -> Program:
    """Return the instance of a family at a size. Pure."""
    key = crc32(family.encode()), crc32(size.encode())
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
    return FAMILIES[family](rng, size, seed)


def _set_cover(rng: Generator, size: str, seed: int) -> Program:
    """Every row is in two columns at least, every column covers a row."""
    rows, columns, density = {"full": (1500, 3000, 0.015), "tiny": (40, 80, 0.08)}[size]
    member = rng.random((rows, columns)) < density
    for row in range(rows):
        member[row, rng.choice(columns, 2, replace=False)] = True
    member[rng.integers(rows, size=columns), np.arange(columns)] = True
    lists = [np.flatnonzero(row) for row in member]
    cost = rng.integers(1, 101, columns).astype(float)
    some = [(list_, np.ones(len(list_))) for list_ in lists]
    return make("setcover", cost, some, np.ones(rows), np.full(rows, INFINITY), seed=seed)


def _auction(rng: Generator, size: str, seed: int) -> Program:
    """Bids on random bundles around a favourite item; an item is sold once."""
    items, bids = {"full": (200, 1000), "tiny": (12, 30)}[size]
    value = rng.integers(1, 101, items)
    lists: list[list[int]] = [[] for _ in range(items)]
    price = np.empty(bids)
    for bid in range(bids):
        bundle = rng.choice(items, min(1 + rng.geometric(0.3), items), replace=False)
        price[bid] = round(float(value[bundle].sum() * rng.uniform(0.8, 1.3)), 3)
        for item in bundle:
            lists[item].append(bid)
    some = [(np.array(bids_, np.int64), np.ones(len(bids_))) for bids_ in lists if len(bids_) > 1]
    return make(
        "auction", -price, some, np.full(len(some), -INFINITY), np.ones(len(some)), seed=seed
    )


def _gisp(rng: Generator, size: str, seed: int) -> Program:
    """Vertices earn 100; both ends of an edge only if it is removable and paid for, at cost 1."""
    vertices, p = {"full": (100, 0.6), "tiny": (14, 0.6)}[size]
    pairs = np.array([(a, b) for a in range(vertices) for b in range(a) if rng.random() < p])
    removable = rng.random(len(pairs)) < 0.75
    cost = np.concatenate([np.full(vertices, -100.0), np.ones(int(removable.sum()))])
    extra = vertices + np.cumsum(removable) - 1
    some = []
    for at, (a, b) in enumerate(pairs):
        paid = removable[at]
        columns = np.array([a, b, extra[at]] if paid else [a, b], np.int64)
        some.append((columns, np.array([1.0, 1.0, -1.0] if paid else [1.0, 1.0])))
    return make("gisp", cost, some, np.full(len(some), -INFINITY), np.ones(len(some)), seed=seed)


def _independent(rng: Generator, size: str, seed: int) -> Program:
    """As many vertices as possible, no two adjacent; newcomers are tied to three well-tied ones."""
    vertices, ties = {"full": (1500, 3), "tiny": (30, 2)}[size]
    ends: list[int] = list(range(ties))
    pairs: set[tuple[int, int]] = set()
    for vertex in range(ties, vertices):
        for other in set(rng.choice(ends, ties).tolist()):
            pairs.add((int(other), vertex))
            ends += [int(other), vertex]
    some = [(np.array(pair, np.int64), np.ones(2)) for pair in sorted(pairs)]
    cost = -np.ones(vertices)
    return make(
        "independent", cost, some, np.full(len(some), -INFINITY), np.ones(len(some)), seed=seed
    )


FAMILIES: dict[str, Callable[[Generator, str, int], Program]] = {
    "setcover": _set_cover,
    "auction": _auction,
    "gisp": _gisp,
    "independent": _independent,
}
FRIENDLY, HOSTILE, CONTROLS = ("setcover", "auction"), ("gisp",), ("independent",)
SIZES = ("full", "tiny")

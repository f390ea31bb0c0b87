"""How the default of `cut` was found: the distance at which last steps are told apart.

Calibrated once, on problems of the `dev` split: content-blind trees, and at each depth every pair of
leaves. `same`: the same words. `other`: another factor. Of a grid, `calibrate`
takes the cut that maximises

    share of `same` pairs in one cluster + share of `other` pairs in two

and the middle of the plateau where several do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from adabench.workloads.shared.language_model.contract import STEP, Costs, Engine, Floats, mix
from adabench.workloads.test_time.chain.substrate.domain import ORDERS
from adabench.workloads.test_time.chain.substrate.order_problems import RESULT, Product, read_step
from adabench.workloads.test_time.substrate.step_clusters import cluster_labels, vectors
from adabench.workloads.test_time.substrate.tree_search import Node

GRID = tuple(round(0.005 * i, 3) for i in range(1, 61))
WIDTH, SURVIVORS = 16, 4


@dataclass(frozen=True)
class Separation:
    """What a cut does to pairs of leaves of one depth."""

    cut: float
    same: float
    """Share of pairs with the same words that are in one cluster."""
    other: float
    """Share of pairs with different factors that are in two."""
    result: float
    """Share of pairs that differ in nothing but the result that are in one cluster."""


def calibrate(policy: Engine, problems: Sequence[Product]) -> list[Separation]:
    """Return what each cut of the grid does; the first is the one to take."""
    depths = [found for i, problem in enumerate(problems) for found in _grown(policy, problem, i)]
    rows = [_separation(cut, depths) for cut in GRID]
    most = max(row.same + row.other for row in rows)
    plateau = [row for row in rows if row.same + row.other == most]
    chosen = plateau[len(plateau) // 2]
    return [chosen, *(row for row in rows if row != chosen)]


Depth = tuple[Floats, list[tuple[int, ...]]]
"""Vectors and last steps of the leaves of one depth."""


def _grown(policy: Engine, problem: Product, index: int) -> Iterator[Depth]:
    """Grow a tree that nothing guides: the first survivors of each depth have equal shares."""
    policy.reset(Costs())
    parents, count = [Node(policy.open(problem.prompt, mix(13, index)))], WIDTH
    for _ in problem.factors:
        leaves = [Node(seq, parent) for parent in parents for seq in policy.fork(parent.seq, count)]
        policy.decode(
            [leaf.seq for leaf in leaves], stop=STEP, max_new=ORDERS.step_room,
            temperature=ORDERS.temperature,
        )  # fmt: skip
        leaves = [leaf for leaf in leaves if read_step(leaf.words)]
        if len(leaves) < 2:
            return
        yield vectors(policy, leaves), [leaf.words for leaf in leaves]
        parents = leaves[:: max(1, len(leaves) // SURVIVORS)][:SURVIVORS]
        count = WIDTH // len(parents)


def _separation(cut: float, depths: Sequence[Depth]) -> Separation:
    together: dict[str, list[bool]] = {"same": [], "other": [], "result": []}
    for unit, steps in depths:
        labels = cluster_labels(unit, cut)
        for i in range(len(steps)):
            for j in range(i):
                kind = _kind(steps[i], steps[j])
                if kind:
                    together[kind].append(labels[i] == labels[j])
    share = {kind: float(np.mean(found)) if found else 1.0 for kind, found in together.items()}
    return Separation(cut, share["same"], 1.0 - share["other"], share["result"])


def _kind(one: tuple[int, ...], two: tuple[int, ...]) -> str:
    """Say how two steps `v * b = z : ... ;` differ: not at all, in b, in z alone, otherwise."""
    if one == two:
        return "same"
    if one[2] != two[2]:
        return "other"
    return (
        "result"
        if (*one[:RESULT], *one[RESULT + 1 :]) == (*two[:RESULT], *two[RESULT + 1 :])
        else ""
    )

"""Two union-finds: one that can be undone, and one that compresses paths.

*Undoable*: union by size, no compression, and a stack of the roots that were hung below
another. A find costs O(log n); the last union is undone in O(1). Path compression would make
undoing wrong: it moves vertices that are not on the stack.

*Compressing*: union by size with path halving. It cannot forget an edge; it is cleared by a
stamp instead of by writing n parents.
"""

from typing import NamedTuple

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate.update_loop import (
    FINDS,
    STORES,
    UNIONS,
    Ints,
    Net,
    Small,
    part,
)


class UndoableUnionFind(NamedTuple):
    """A union-find with a history."""

    parent: Small
    """(n,)"""
    size: Small
    """(n,) of the tree below a root."""
    hung: Small
    """(n,) the stack: roots that were hung below another, oldest first."""
    height: Ints
    """(1,) of the stack."""


class HalvingUnionFind(NamedTuple):
    """A union-find that is cleared by raising its stamp."""

    parent: Small
    size: Small
    stamp: Small
    """(n,) the epoch in which a vertex was last written; older ones are roots of size 1."""
    epoch: Ints
    """(1,)"""


def undoable_union_find(n: int) -> UndoableUnionFind:
    """Return n vertices apart."""
    parent = np.arange(n, dtype=np.int32)
    return UndoableUnionFind(
        parent, np.ones(n, np.int32), np.zeros(n, np.int32), np.zeros(1, np.int64)
    )


def halving_union_find(n: int) -> HalvingUnionFind:
    """Return n vertices apart."""
    parent, size, stamp = np.zeros((3, n), np.int32)
    return HalvingUnionFind(parent, size, stamp, np.ones(1, np.int64))


@part
def find(net: Net, uf: UndoableUnionFind, x: int) -> int:
    """Return the root of x. Counts the parents read."""
    steps = 1
    while uf.parent[x] != x:
        x = uf.parent[x]
        steps += 1
    net.ledger[FINDS] += steps
    return x


@part
def unite(net: Net, uf: UndoableUnionFind, edge: int) -> None:
    """Join the endpoints of an edge."""
    net.ledger[UNIONS] += 1
    a, b = find(net, uf, net.left[edge]), find(net, uf, net.right[edge])
    if a == b:
        return
    if uf.size[a] < uf.size[b]:
        a, b = b, a
    uf.parent[b] = a
    uf.size[a] += uf.size[b]
    uf.hung[uf.height[0]] = b
    uf.height[0] += 1


@part
def undo_to(net: Net, uf: UndoableUnionFind, height: int) -> None:
    """Take unions back until the stack is `height` high."""
    net.ledger[STORES] += uf.height[0] - height
    while uf.height[0] > height:
        uf.height[0] -= 1
        child = uf.hung[uf.height[0]]
        root = uf.parent[child]
        uf.size[root] -= uf.size[child]
        uf.parent[child] = child


@part
def clear(uf: HalvingUnionFind) -> None:
    """Set all vertices apart. O(1)."""
    uf.epoch[0] += 1


@part
def find_halving(net: Net, uf: HalvingUnionFind, x: int) -> int:
    """Return the root of x, halving the path to it. Counts the parents read."""
    epoch = uf.epoch[0]
    steps = 1
    if uf.stamp[x] != epoch:
        uf.stamp[x] = epoch
        uf.parent[x] = x
        uf.size[x] = 1
    while uf.parent[x] != x:
        up = uf.parent[uf.parent[x]]
        uf.parent[x] = up
        x = up
        steps += 2
    net.ledger[FINDS] += steps
    return x


@part
def unite_halving(net: Net, uf: HalvingUnionFind, edge: int) -> None:
    """Join the endpoints of an edge."""
    net.ledger[UNIONS] += 1
    a = find_halving(net, uf, net.left[edge])
    b = find_halving(net, uf, net.right[edge])
    if a == b:
        return
    if uf.size[a] < uf.size[b]:
        a, b = b, a
    uf.parent[b] = a
    uf.size[a] += uf.size[b]

"""Edges at their vertices: doubly linked lists of half-edges that are changed in O(1).

Half-edge 2e stands at the left endpoint of edge e, 2e + 1 at the right one. A `Links` may hold
several families of lists (tree edges, other edges): `head` has a row for each.
"""

from typing import NamedTuple

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate.update_loop import (
    STORES,
    Net,
    Small,
    part,
)


class Links(NamedTuple):
    """The lists."""

    head: Small
    """(families, n) first half-edge of each vertex, or -1."""
    next: Small
    """(2m,)"""
    before: Small
    """(2m,) the half-edge before it, or -1."""


def links(families: int, n: int, edges: int) -> Links:
    """Return empty lists."""
    head = np.full((families, n), -1, np.int32)
    return Links(head, *np.full((2, 2 * edges), -1, np.int32))


@part
def end_of(net: Net, half: int) -> int:
    """Return the vertex at which a half-edge stands."""
    return int(net.left[half >> 1] if half & 1 == 0 else net.right[half >> 1])


@part
def attach(net: Net, links: Links, family: int, edge: int) -> None:
    """Put an edge at the front of both its vertices' lists."""
    net.ledger[STORES] += 2
    for half in (2 * edge, 2 * edge + 1):
        vertex = end_of(net, half)
        front = links.head[family, vertex]
        links.next[half] = front
        links.before[half] = -1
        if front >= 0:
            links.before[front] = half
        links.head[family, vertex] = half


@part
def detach(net: Net, links: Links, family: int, edge: int) -> None:
    """Take an edge out of both its vertices' lists."""
    net.ledger[STORES] += 2
    for half in (2 * edge, 2 * edge + 1):
        left, right = links.before[half], links.next[half]
        if left >= 0:
            links.next[left] = right
        else:
            links.head[family, end_of(net, half)] = right
        if right >= 0:
            links.before[right] = left

"""Connectivity without a structure: a bidirectional breadth-first search for each query.

An update changes two doubly linked lists. A query searches from both ends in turn, one
half-edge each, until the searches meet or one of them is exhausted. Vertices carry the stamp of
the search that reached them, so nothing is cleared.
"""

from typing import NamedTuple

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate.adjacency import (
    Links,
    attach,
    detach,
    links,
)
from adabench.workloads.algorithms.connectivity.substrate.update_loop import (
    SCANS,
    Net,
    Small,
    Start,
    hook,
)


class LiveGraph(NamedTuple):
    """The lists, and room for two searches."""

    links: Links
    seen: Small
    """(n,) twice the number of the query that reached a vertex last, plus the side."""
    queue: Small
    """(2, n)"""
    reached: Small
    """(2,) vertices in each queue."""
    queries: Small
    """(1,)"""


def live_graph(start: Start) -> LiveGraph:
    """Return the structure before the first update."""
    return LiveGraph(
        links(1, start.n, start.edges),
        np.zeros(start.n, np.int32),
        np.zeros((2, start.n), np.int32),
        np.zeros(2, np.int32),
        np.zeros(1, np.int32),
    )


@hook
def search_update(net: Net, notes: LiveGraph, t: int, edge: int, opens: int, hint: int) -> None:
    """Put the edge into its vertices' lists, or take it out."""
    if opens:
        attach(net, notes.links, 0, edge)
    else:
        detach(net, notes.links, 0, edge)


@hook
def search_query(net: Net, notes: LiveGraph, a: int, b: int) -> bool:
    """Search from both ends in turn."""
    if a == b:
        return True
    left, right = net.left, net.right
    head, following = notes.links.head[0], notes.links.next
    seen, queue, reached = notes.seen, notes.queue, notes.reached
    notes.queries[0] += 2
    mark = notes.queries[0]
    seen[a], seen[b] = mark, mark + 1
    queue[0, 0], queue[1, 0] = a, b
    reached[0] = reached[1] = 1
    at0 = at1 = scans = side = 0
    half0, half1 = head[a], head[b]
    met = False
    while not met:
        at, half = (at0, half0) if side == 0 else (at1, half1)
        while half < 0 and at + 1 < reached[side]:
            at += 1
            half = head[queue[side, at]]
        if half < 0:
            break
        scans += 1
        other = right[half >> 1] if half & 1 == 0 else left[half >> 1]
        if seen[other] == mark + 1 - side:
            met = True
        elif seen[other] != mark + side:
            seen[other] = mark + side
            queue[side, reached[side]] = other
            reached[side] += 1
        half = following[half]
        if side == 0:
            at0, half0 = at, half
        else:
            at1, half1 = at, half
        side = 1 - side
    net.ledger[SCANS] += scans + 2
    return met


SEARCH = (search_update, search_query, live_graph)
"""Two hooks and what makes their notes: what `serve` takes."""

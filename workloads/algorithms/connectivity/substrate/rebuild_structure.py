"""Connectivity by starting over: a compressing union-find that cannot forget an edge.

An insertion is one union. A deletion takes the edge off the list of live edges, clears the
union-find (by its stamp) and unites all live edges again. No rebuild follows an insertion.
"""

from typing import NamedTuple

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate.union_find import (
    HalvingUnionFind,
    clear,
    find_halving,
    halving_union_find,
    unite_halving,
)
from adabench.workloads.algorithms.connectivity.substrate.update_loop import (
    SCANS,
    STORES,
    Ints,
    Net,
    Small,
    Start,
    hook,
)


class LiveEdgeArray(NamedTuple):
    """The union-find and the live edges."""

    uf: HalvingUnionFind
    live: Small
    """(m,) the live edges, in the order of insertion but for gaps filled from the end."""
    place: Small
    """(m,) where in `live` an edge is."""
    live_count: Ints
    """(1,)"""


def live_edge_array(start: Start) -> LiveEdgeArray:
    """Return the structure before the first update."""
    live, place = np.zeros((2, start.edges), np.int32)
    return LiveEdgeArray(halving_union_find(start.n), live, place, np.zeros(1, np.int64))


@hook
def rebuild_update(
    net: Net, notes: LiveEdgeArray, t: int, edge: int, opens: int, hint: int
) -> None:
    """Unite a new edge; start over without a deleted one."""
    if opens:
        notes.live[notes.live_count[0]] = edge
        notes.place[edge] = notes.live_count[0]
        notes.live_count[0] += 1
        net.ledger[STORES] += 1
        unite_halving(net, notes.uf, edge)
        return
    notes.live_count[0] -= 1
    last = notes.live[notes.live_count[0]]
    notes.live[notes.place[edge]] = last
    notes.place[last] = notes.place[edge]
    net.ledger[STORES] += 1
    clear(notes.uf)
    net.ledger[SCANS] += notes.live_count[0]
    for i in range(notes.live_count[0]):
        unite_halving(net, notes.uf, notes.live[i])


@hook
def rebuild_query(net: Net, notes: LiveEdgeArray, a: int, b: int) -> bool:
    """Tell whether a and b are connected."""
    return bool(find_halving(net, notes.uf, a) == find_halving(net, notes.uf, b))


REBUILD = (rebuild_update, rebuild_query, live_edge_array)
"""Two hooks and what makes their notes: what `serve` takes."""

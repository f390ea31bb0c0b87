"""The offline recursion over time, kept along one path of the time tree and repaired.

A complete binary tree stands over P >= 2T leaves; update t is leaf t + shift. An edge that is
believed to live from s to e is stored at the O(log T) canonical nodes of [s, e). The union-find
holds the edges of all nodes from the root to the current leaf, one level of unions on top of
the other; `base` remembers how high the undo stack was where each level began.

    update t:   first = the level where the path to leaf t leaves that to leaf t - 1
      deleted before its believed end:  first = min(first, level of the child of
                                        LCA(leaf t, leaf of the believed end))
      believed to end now, but alive:   believe 2^k more updates, k the number of times so
                                        far, and store the edge on [t, new end)
      inserted:                         store the edge on [t, max(t + 1, prediction))
    undo down to the level `first`, then unite the live edges of each node from there to the leaf

Nothing is rebuilt for an insertion or an extension: their nodes begin at t or later, so none
was entered yet. Entries of dead edges are unlinked when they are met.
"""

from typing import NamedTuple

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate.union_find import (
    UndoableUnionFind,
    find,
    undo_to,
    undoable_union_find,
    unite,
)
from adabench.workloads.algorithms.connectivity.substrate.update_loop import (
    ERROR,
    FULL,
    REACH,
    SCANS,
    STORES,
    Ints,
    Net,
    Small,
    Start,
    hook,
    part,
)

AGES = 32
"""Powers of two that tell ages apart in a table of mean remaining lifetimes."""


class LiftedRecursion(NamedTuple):
    """The time tree, the path through it, and what is believed of each edge."""

    uf: UndoableUnionFind
    base: Small
    """(levels + 1,) stack height at which each level of the path began."""
    head: Small
    """(2P,) first entry of each node, the root at 1, or -1."""
    entry: Small
    """(room,) the edge of an entry."""
    next: Small
    """(room,) the entry after it in its node, or -1."""
    expiring: Small
    """(T + 1,) first edge that is believed to end at t, or -1."""
    later: Small
    """(m,) the next edge believed to end at the same time."""
    alive: Small
    """(m,)"""
    began: Small
    """(m,)"""
    prediction: Small
    """(m,) when it was first believed to end."""
    end: Small
    """(m,) when it is now believed to end."""
    extended: Small
    """(m,) how often."""
    remaining: Small
    """(kinds, AGES) mean remaining lifetimes to extend by; empty: doubling."""
    state: Ints
    """(4,) shift, levels, entries used, and from when on `remaining` is used."""


def lifted_recursion(
    start: Start, shift: str = "random", remaining: Small | None = None, learned_at: int = 0
) -> LiftedRecursion:
    """Return the structure before the first update; `shift` is `random` or `none`.

    From update `learned_at` on an edge that outlives its prediction is believed in for what
    `remaining` says, (kinds, AGES), by its class and age.
    """
    width = leaves(start.horizon)
    levels = width.bit_length() - 1
    table = np.zeros((0, AGES), np.int32) if remaining is None else remaining
    moved = start.coin % (width - start.horizon) if shift == "random" else 0
    entry, following = np.zeros((2, start.room), np.int32)
    alive, began, prediction, end, extended = np.zeros((5, start.edges), np.int32)
    return LiftedRecursion(
        undoable_union_find(start.n),
        np.zeros(levels + 1, np.int32),
        np.full(2 * width, -1, np.int32),
        entry,
        following,
        np.full(start.horizon + 1, -1, np.int32),
        np.full(start.edges, -1, np.int32),
        alive,
        began,
        prediction,
        end,
        extended,
        table,
        np.array([moved, levels, 0, learned_at], np.int64),
    )


def leaves(horizon: int) -> int:
    """Return P, the least power of two that is at least 2T."""
    return 1 << max(1, 2 * horizon - 1).bit_length()


@part
def highest_bit(x: int) -> int:
    """Return the place of the highest bit that is set; -1 for 0."""
    place = -1
    while x > 0:
        x >>= 1
        place += 1
    return place


@part
def put(net: Net, lift: LiftedRecursion, node: int, edge: int) -> None:
    """Store an edge at a node."""
    at = lift.state[2]
    if at >= len(lift.entry):
        net.ledger[FULL] = 1
        return
    lift.entry[at] = edge
    lift.next[at] = lift.head[node]
    lift.head[node] = at
    lift.state[2] = at + 1
    net.ledger[STORES] += 1


@part
def believe(net: Net, lift: LiftedRecursion, edge: int, t: int, end: int) -> None:
    """Store an edge on the canonical nodes of [t, end) and note when it is to expire."""
    end = min(max(end, t + 1), net.horizon)
    lift.end[edge] = end
    lift.later[edge] = lift.expiring[end]
    lift.expiring[end] = edge
    net.ledger[STORES] += 1
    width = 1 << lift.state[1]
    low, high = t + lift.state[0] + width, end + lift.state[0] + width
    while low < high:
        if low & 1:
            put(net, lift, low, edge)
            low += 1
        if high & 1:
            high -= 1
            put(net, lift, high, edge)
        low >>= 1
        high >>= 1


@part
def extension(net: Net, lift: LiftedRecursion, edge: int, t: int) -> int:
    """Return how many more updates to believe in for an edge that outlived its prediction."""
    doubled = 1 << min(lift.extended[edge], 30)
    if len(lift.remaining) == 0 or t < lift.state[3]:
        return int(doubled)
    age = highest_bit(t - lift.began[edge]) + 1
    return int(max(lift.remaining[net.kind[edge], age], doubled))


@part
def extend_expired(net: Net, lift: LiftedRecursion, t: int) -> None:
    """Believe longer in the edges that should have been deleted by t and were not."""
    edge = lift.expiring[t]
    while edge >= 0:
        following = lift.later[edge]
        net.ledger[SCANS] += 1
        if lift.alive[edge]:
            more = extension(net, lift, edge, t)
            lift.extended[edge] += 1
            believe(net, lift, edge, t, t + more)
        edge = following


@part
def enter(net: Net, lift: LiftedRecursion, node: int) -> None:
    """Unite the live edges of a node, and unlink those that died."""
    before = -1
    at = lift.head[node]
    while at >= 0:
        following = lift.next[at]
        net.ledger[SCANS] += 1
        edge = lift.entry[at]
        if lift.alive[edge]:
            unite(net, lift.uf, edge)
            before = at
        elif before < 0:
            lift.head[node] = following
        else:
            lift.next[before] = following
        at = following


@hook
def lift_update(net: Net, lift: LiftedRecursion, t: int, edge: int, opens: int, hint: int) -> None:
    """Serve one update: note it, undo what it invalidates, and walk down to its leaf."""
    shift, levels = lift.state[0], lift.state[1]
    leaf = t + shift
    first = levels - highest_bit(leaf ^ (leaf - 1)) if t > 0 else 0
    if opens:
        lift.alive[edge] = 1
        lift.began[edge] = t
        believe(net, lift, edge, t, hint)
        lift.prediction[edge] = lift.end[edge]
        net.ledger[ERROR] += net.horizon - lift.end[edge]
    else:
        lift.alive[edge] = 0
        prediction = lift.prediction[edge]
        net.ledger[ERROR] += abs(t - prediction) - (net.horizon - prediction)
        if lift.end[edge] > t:
            top = highest_bit(leaf ^ (lift.end[edge] + shift))
            net.ledger[REACH] += 1 << top
            first = min(first, levels - top)
    extend_expired(net, lift, t)
    undo_to(net, lift.uf, lift.base[first])
    for level in range(first, levels + 1):
        lift.base[level] = lift.uf.height[0]
        enter(net, lift, (1 << level) + (leaf >> (levels - level)))


@hook
def lift_query(net: Net, lift: LiftedRecursion, a: int, b: int) -> bool:
    """Tell whether a and b are connected."""
    return bool(find(net, lift.uf, a) == find(net, lift.uf, b))


LIFTED = (lift_update, lift_query, lifted_recursion)
"""Two hooks and what makes their notes: what `serve` takes."""

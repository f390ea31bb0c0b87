"""A spanning forest that is maintained: the fully dynamic structure without predictions.

Every vertex carries the label of its component. An insertion between two components makes a
tree edge and relabels the smaller one; any other insertion is kept as a spare. Deleting a spare
changes nothing. Deleting a tree edge:

    search both halves of the tree in turn, one half-edge each, until one half is exhausted
    look through the spares of that half for one that leaves it
       found:      it becomes a tree edge; labels stay
       not found:  that half gets a label of its own

The half that is searched through is the smaller one, up to a factor of two. A query reads two
labels. Nothing bounds an update by less than O(m); random graphs near the threshold are kind.
"""

from typing import NamedTuple

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate.adjacency import (
    Links,
    attach,
    detach,
    end_of,
    links,
)
from adabench.workloads.algorithms.connectivity.substrate.update_loop import (
    FINDS,
    SCANS,
    STORES,
    Ints,
    Net,
    Small,
    Start,
    hook,
    part,
)

TREE, SPARE = 0, 1


class Forest(NamedTuple):
    """The forest, the labels, and room for two searches."""

    links: Links
    is_tree: Small
    """(m,)"""
    label: Small
    """(n,)"""
    size: Small
    """(n,) of the component with a label."""
    unused: Small
    """(n,) the stack of labels that no component has."""
    seen: Small
    """(n,) the mark of the search that reached a vertex last."""
    queue: Small
    """(2, n)"""
    reached: Small
    """(2,) vertices that each search has reached: so many of its row of the queue."""
    state: Ints
    """(2,) height of the stack of unused labels, the last mark."""


def forest(start: Start) -> Forest:
    """Return n vertices apart."""
    return Forest(
        links(2, start.n, start.edges),
        np.zeros(start.edges, np.int32),
        np.arange(start.n, dtype=np.int32),
        np.ones(start.n, np.int32),
        np.zeros(start.n, np.int32),
        np.zeros(start.n, np.int32),
        np.zeros((2, start.n), np.int32),
        np.zeros(2, np.int32),
        np.zeros(2, np.int64),
    )


@part
def begin(wood: Forest, side: int, vertex: int, mark: int) -> None:
    """Start a search of the tree from a vertex."""
    wood.seen[vertex] = mark
    wood.queue[side, 0] = vertex
    wood.reached[side] = 1


@part
def search(net: Net, wood: Forest, sides: int, mark: int) -> int:
    """Search the tree from one or both starts, in turn, until one side is exhausted; return it.

    A side's vertices carry `mark` + side. One loop with everything at hand: calls that pass so
    many arrays would take longer than the search.
    """
    left, right, head, following = net.left, net.right, wood.links.head[TREE], wood.links.next
    seen, queue, reached = wood.seen, wood.queue, wood.reached
    at0 = at1 = scans = side = 0
    half0 = head[queue[0, 0]]
    half1 = head[queue[1, 0]] if sides == 2 else -1
    while True:
        at, half = (at0, half0) if side == 0 else (at1, half1)
        while half < 0:
            at += 1
            if at >= reached[side]:
                net.ledger[SCANS] += scans
                return side
            half = head[queue[side, at]]
        scans += 1
        other = right[half >> 1] if half & 1 == 0 else left[half >> 1]
        if seen[other] != mark + side:
            seen[other] = mark + side
            queue[side, reached[side]] = other
            reached[side] += 1
        half = following[half]
        if side == 0:
            at0, half0 = at, half
        else:
            at1, half1 = at, half
        side = sides - 1 - side


@part
def paint(net: Net, wood: Forest, side: int, label: int) -> None:
    """Give the vertices that a search reached a label."""
    for i in range(wood.reached[side]):
        wood.label[wood.queue[side, i]] = label
    net.ledger[STORES] += wood.reached[side]


@part
def next_mark(wood: Forest) -> int:
    """Return a mark that, like the one after it, no vertex carries yet."""
    wood.state[1] += 2
    return int(wood.state[1])


@part
def forest_insert(net: Net, wood: Forest, edge: int) -> None:
    """Add an edge; relabel the smaller component if it joins two."""
    a, b = net.left[edge], net.right[edge]
    net.ledger[FINDS] += 2
    joins = wood.label[a] != wood.label[b]
    wood.is_tree[edge] = joins
    if joins:
        if wood.size[wood.label[a]] < wood.size[wood.label[b]]:
            a, b = b, a
        kept, lost = wood.label[a], wood.label[b]
        mark = next_mark(wood)
        begin(wood, 0, b, mark)
        search(net, wood, 1, mark)
        paint(net, wood, 0, kept)
        wood.size[kept] += wood.size[lost]
        wood.unused[wood.state[0]] = lost
        wood.state[0] += 1
    attach(net, wood.links, TREE if joins else SPARE, edge)


@part
def replacement(net: Net, wood: Forest, side: int, mark: int) -> int:
    """Return a spare edge that leaves the searched half, or -1."""
    for i in range(wood.reached[side]):
        half = wood.links.head[SPARE, wood.queue[side, i]]
        while half >= 0:
            net.ledger[SCANS] += 1
            if wood.seen[end_of(net, half ^ 1)] != mark:
                return int(half >> 1)
            half = wood.links.next[half]
    return -1


@part
def forest_delete(net: Net, wood: Forest, edge: int) -> None:
    """Take an edge out; mend the tree with a spare, or split the component."""
    if not wood.is_tree[edge]:
        detach(net, wood.links, SPARE, edge)
        return
    detach(net, wood.links, TREE, edge)
    mark = next_mark(wood)
    begin(wood, 0, net.left[edge], mark)
    begin(wood, 1, net.right[edge], mark + 1)
    side = search(net, wood, 2, mark)
    spare = replacement(net, wood, side, mark + side)
    if spare >= 0:
        detach(net, wood.links, SPARE, spare)
        wood.is_tree[spare] = 1
        attach(net, wood.links, TREE, spare)
        return
    wood.state[0] -= 1
    fresh = wood.unused[wood.state[0]]
    old = wood.label[wood.queue[side, 0]]
    wood.size[fresh] = wood.reached[side]
    wood.size[old] -= wood.reached[side]
    paint(net, wood, side, fresh)


@hook
def forest_update(net: Net, wood: Forest, t: int, edge: int, opens: int, hint: int) -> None:
    """Serve one update."""
    if opens:
        forest_insert(net, wood, edge)
    else:
        forest_delete(net, wood, edge)


@hook
def forest_query(net: Net, wood: Forest, a: int, b: int) -> bool:
    """Tell whether a and b are connected."""
    net.ledger[FINDS] += 2
    return bool(wood.label[a] == wood.label[b])


FOREST = (forest_update, forest_query, forest)
"""Two hooks and what makes their notes: what `serve` takes."""

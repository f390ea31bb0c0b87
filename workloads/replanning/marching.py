"""What fast marching planners share: the expansion, and what to do with broken branches."""

import numpy as np

from adabench.workloads.replanning.roadmap import Ints
from adabench.workloads.replanning.space import (
    GOAL,
    NOBODY,
    ROBOT,
    Space,
    adopt,
    compiled,
    disown,
    drop,
    is_empty,
    look,
    put,
    usable,
)


@compiled
def begin(space: Space) -> None:
    """Queue the goal, at no cost."""
    space.g[GOAL] = 0.0
    put(space, GOAL, 0.0, 0.0)


@compiled
def march(space: Space, repairing: bool, early: bool) -> None:
    """Expand the open sample of least cost until none is open, or the robot's cost is certain.

    For each neighbour x that qualifies, the best open neighbour y of x becomes its parent if the
    way from y is free. FMT*: x qualifies if it has no cost yet, and no wall is known between. FMTx
    (`repairing`): if its cost is above what it would be from here.
    """
    start, target, price, g = space.start, space.target, space.price, space.g
    while not is_empty(space):
        z = space.heap[0]
        if early and settled(space, z):
            return
        look(space, start[z + 1] - start[z])
        for edge in range(start[z], start[z + 1]):
            x = target[edge]
            above = g[z] + price[edge]
            if g[x] > above if repairing else g[x] == np.inf and above < np.inf:
                connect(space, x)
        drop(space, z)


@compiled
def settled(space: Space, z: int) -> bool:
    """Tell whether nothing that is open, from `z` on, can change the robot's cost."""
    known = space.g[ROBOT]
    return bool(space.where[ROBOT] < 0 and known < np.inf and space.g[z] >= known)


@compiled
def connect(space: Space, x: int) -> None:
    """Give x the best of its open neighbours as parent, if the way there is free."""
    start, target, price, g, where = (
        space.start,
        space.target,
        space.price,
        space.g,
        space.where,
    )
    cost, chosen = np.inf, -1
    look(space, start[x + 1] - start[x])
    for edge in range(start[x], start[x + 1]):
        y = target[edge]
        if where[y] >= 0 and g[y] + price[edge] < cost:
            cost, chosen = g[y] + price[edge], edge
    if cost < g[x] and usable(space, chosen, x):
        g[x] = cost
        adopt(space, target[chosen], x)
        put(space, x, cost, 0.0)


@compiled
def orphan(space: Space, root: int, found: Ints, count: int) -> int:
    """Take the costs of `root` and all under it; append them to `found`, return the new count."""
    if space.note[root]:
        return count
    disown(space, root)
    at = count
    found[count] = root
    count += 1
    space.note[root] = 1
    while at < count:
        node = found[at]
        at += 1
        child = space.child[node]
        while child != NOBODY:
            following = space.after[child]
            disown(space, child)
            space.note[child] = 1
            found[count] = child
            count += 1
            child = following
        space.g[node] = np.inf
        drop(space, node)
    return count


@compiled
def cut(space: Space, blocked: Ints, many: int, found: Ints) -> int:
    """Orphan every branch that hangs on a blocked edge; return how many samples lost their cost."""
    count = 0
    for at in range(many):
        edge = blocked[at]
        a, b = space.target[edge], space.target[space.twin[edge]]
        if space.parent[a] == b:
            count = orphan(space, a, found, count)
        elif space.parent[b] == a:
            count = orphan(space, b, found, count)
    return count


@compiled
def reopen(space: Space, node: int) -> None:
    """Queue every neighbour of a sample that has a cost."""
    start, target, g, where = space.start, space.target, space.g, space.where
    look(space, start[node + 1] - start[node])
    for edge in range(start[node], start[node + 1]):
        y = target[edge]
        if g[y] < np.inf and where[y] < 0:
            put(space, y, g[y], 0.0)

"""What fast marching planners share: the expansion, and what to do with broken branches."""

import numpy as np

from adabench.workloads.algorithms.replanning.substrate import world
from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats


@world.compiled
def begin(space: world.Space) -> None:
    """Queue the goal, at no cost."""
    space.g[world.GOAL] = 0.0
    world.put(space.queue, world.GOAL, 0.0, 0.0)


@world.compiled
def march(space: world.Space, repairing: bool, early: bool) -> None:
    """Expand the open sample of least cost until none is open, or the robot's cost is certain.

    For each neighbour x that qualifies, the best open neighbour y of x becomes its parent if the
    way from y is free. FMT*: x qualifies if it has no cost yet, and no wall is known between. FMTx
    (`repairing`): if its cost is above what it would be from here.
    """
    start, target, price, g, state = space.start, space.target, space.price, space.g, space.state
    queue, tree = space.queue, space.tree
    heap, where = queue.heap, queue.where
    while not world.is_empty(queue):
        z = heap[0]
        if early and is_settled(g, where, z):
            return
        world.look(queue, start[z + 1] - start[z])
        for edge in range(start[z], start[z + 1]):
            x = target[edge]
            above = g[z] + price[edge]
            if not (g[x] > above if repairing else g[x] == np.inf and above < np.inf):
                continue
            world.look(queue, start[x + 1] - start[x])
            chosen = best_open(start, target, price, g, where, x)
            cost = g[target[chosen]] + price[chosen] if chosen >= 0 else np.inf
            if cost < g[x] and (state[chosen] == world.FREE or world.is_free(space, chosen, x)):
                g[x] = cost
                world.adopt(tree, target[chosen], x)
                world.put(queue, x, cost, 0.0)
        world.drop(queue, z)


@world.compiled
def is_settled(g: Floats, where: Ints, z: int) -> bool:
    """Tell whether nothing that is open, from `z` on, can change the robot's cost."""
    known = g[world.ROBOT]
    return bool(where[world.ROBOT] < 0 and known < np.inf and g[z] >= known)


@world.compiled
def best_open(
    start: Ints, target: Ints, price: Floats, g: Floats, where: Ints, x: int
) -> int:  # fmt: skip
    """Return x's edge to the best of its open neighbours, or -1."""
    cost, chosen = np.inf, -1
    for edge in range(start[x], start[x + 1]):
        y = target[edge]
        if g[y] + price[edge] < cost and where[y] >= 0:  # in this order: a twelfth less time
            cost, chosen = g[y] + price[edge], edge
    return chosen


@world.compiled
def orphan(space: world.Space, root: int, found: Ints, count: int) -> int:
    """Take the costs of `root` and all under it; append them to `found`, return the new count."""
    tree, queue, note, g = space.tree, space.queue, space.note, space.g
    if note[root]:
        return count
    world.disown(tree, root)
    at = count
    found[count] = root
    count += 1
    note[root] = 1
    while at < count:
        node = found[at]
        at += 1
        child = tree.child[node]
        while child != world.NOBODY:
            following = tree.after[child]
            world.disown(tree, child)
            note[child] = 1
            found[count] = child
            count += 1
            child = following
        g[node] = np.inf
        world.drop(queue, node)
    return count


@world.compiled
def cut(space: world.Space, blocked: Ints, many: int, found: Ints) -> int:
    """Orphan every branch that hangs on a blocked edge; return how many samples lost their cost."""
    target, twin, parent = space.target, space.twin, space.tree.parent
    count = 0
    for at in range(many):
        edge = blocked[at]
        a, b = target[edge], target[twin[edge]]
        if parent[a] == b:
            count = orphan(space, a, found, count)
        elif parent[b] == a:
            count = orphan(space, b, found, count)
    return count


@world.compiled
def reopen(start: Ints, target: Ints, g: Floats, queue: world.Queue, node: int) -> None:
    """Queue every neighbour of a sample that has a cost."""
    where = queue.where
    world.look(queue, start[node + 1] - start[node])
    for edge in range(start[node], start[node + 1]):
        y = target[edge]
        if g[y] < np.inf and where[y] < 0:
            world.put(queue, y, g[y], 0.0)

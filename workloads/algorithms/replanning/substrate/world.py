"""What a planner sees of the world, and the only ways to look at it: here is where costs are
counted.

A planner is a compiled function of a `Space`. It reads the graph, keeps g, parent and a queue, and

    usable(space, edge, node)   is this edge free? A collision check the first time
    space.price[edge]           its length, or infinity where the world said that it is blocked
    look(queue, number)         so many neighbours were looked at: relaxations
    put, drop, take             the queue, a binary heap with two keys; each counts one operation
    adopt, disown               the tree: parent and children

Obstacles move outside the planner (`moving_obstacles.py`); which edges changed is handed to it as
lists.

**Two traps.** numba's disk cache is keyed by the planner's own file; `compiled` mixes in a digest
of all that the file imports. And by default a call counts references to every array that it passes, with
an atomic instruction each, more than a heap operation takes: a planner looks dearer by its number
of calls. So kernels here are compiled without counting (`_nrt=False`: they may not allocate, and
the caller holds the arrays), and what is called often gets the arrays it needs and no more.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt

from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats
from adabench.workloads.shared.compiled import kernels

Counts = npt.NDArray[np.int64]
States = npt.NDArray[np.int8]

UNKNOWN, FREE, BLOCKED = -1, 0, 1
LOOKS, CHECKS, QUEUE, SIZE = 0, 1, 2, 3
"""Places in `counts`: relaxations, collision checks, heap operations, and the size of the heap."""
GOAL, ROBOT = 0, 1
NOBODY = -1

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a kernel of this task; it may not allocate."""
    return cast(Function, kernels.cached(kernels.keyed(function), _nrt=False))


class World(NamedTuple):
    """Where things stand: samples, and the obstacles as they are now."""

    points: Floats
    """(m, 3)"""
    centres: Floats
    """(k, 3)"""
    radius: Floats
    walls: Floats


class Queue(NamedTuple):
    """An indexed binary heap of samples, and the books."""

    heap: Ints
    """(m,) samples in heap order."""
    where: Ints
    """(m,) a sample's place in the heap, or -1."""
    key: Floats
    """(m, 2) compared in this order."""
    counts: Counts


class Tree(NamedTuple):
    """Who hangs under whom."""

    parent: Ints
    """(m,) towards the goal."""
    child: Ints
    """(m,) the first child."""
    after: Ints
    """(m,) the next sibling."""
    before: Ints
    """(m,) the previous sibling."""


class Space(NamedTuple):
    """The graph, the world, and the planner's own state."""

    start: Ints
    target: Ints
    twin: Ints
    length: Floats
    price: Floats
    """(e,) the length, or infinity if blocked when the edges were last tested for everybody."""
    state: States
    """(e,) unknown, free or blocked."""
    world: World
    g: Floats
    """(m,) cost to the goal; infinite where there is no way."""
    rhs: Floats
    """(m,) a second cost, for planners that look one step ahead."""
    tree: Tree
    queue: Queue
    note: Ints
    """(m,) for marks of the planner's own; 0 before each call."""
    stack: Ints
    """(m,) scratch."""


@compiled
def look(queue: Queue, number: int) -> None:
    """Count neighbours that were looked at."""
    queue.counts[LOOKS] += number


@compiled
def hits(world: World, a: int, b: int) -> bool:
    """Tell whether the straight way between two samples meets an obstacle. Not counted here."""
    points, centres, radius, walls = world
    a, b = min(a, b), max(a, b)  # rounding must not depend on the direction
    px, py, pz = points[a, 0], points[a, 1], points[a, 2]
    dx, dy, dz = points[b, 0] - px, points[b, 1] - py, points[b, 2] - pz
    square = dx * dx + dy * dy + dz * dz
    for k in range(len(radius)):
        cx, cy, cz = centres[k, 0] - px, centres[k, 1] - py, centres[k, 2] - pz
        t = (cx * dx + cy * dy + cz * dz) / square if square > 0 else 0.0
        t = min(max(t, 0.0), 1.0)
        gap = (cx - t * dx) ** 2 + (cy - t * dy) ** 2 + (cz - t * dz) ** 2
        if gap <= radius[k] ** 2:
            return True
    for w in range(len(walls)):  # noqa: SIM110  (numba compiles no any())
        if crosses(px, py, dx, dy, walls, w):
            return True
    return False


@compiled
def crosses(px: float, py: float, dx: float, dy: float, walls: Floats, w: int) -> bool:
    """Tell whether a segment of the plane meets a box: the slab test."""
    low, high = 0.0, 1.0
    for axis in range(2):
        p, d = (px, dx) if axis == 0 else (py, dy)
        near, far = walls[w, axis], walls[w, axis + 2]
        if d == 0.0:
            if p < near or p > far:
                return False
            continue
        first, last = (near - p) / d, (far - p) / d
        if first > last:
            first, last = last, first
        low, high = max(low, first), min(high, last)
        if low > high:
            return False
    return True


@compiled
def is_free(space: Space, edge: int, source: int) -> bool:
    """Tell whether an edge of `source` is free; checked and counted if that is not known yet."""
    if space.state[edge] == UNKNOWN:
        test(space, edge, source)
    return bool(space.state[edge] == FREE)


@compiled
def test(space: Space, edge: int, source: int) -> None:
    """Test an edge of `source`, note the outcome both ways, and count it."""
    space.queue.counts[CHECKS] += 1
    found = BLOCKED if hits(space.world, source, space.target[edge]) else FREE
    space.state[edge] = space.state[space.twin[edge]] = found


@compiled
def adopt(tree: Tree, above: int, node: int) -> None:
    """Hang a sample under another one."""
    disown(tree, node)
    parent, child, after, before = tree
    first = child[above]
    parent[node] = above
    after[node], before[node] = first, NOBODY
    if first != NOBODY:
        before[first] = node
    child[above] = node


@compiled
def disown(tree: Tree, node: int) -> None:
    """Take a sample from its parent, if it has one; its own children stay with it."""
    parent, child, after, before = tree
    above = parent[node]
    if above == NOBODY:
        return
    left, right = before[node], after[node]
    if left != NOBODY:
        after[left] = right
    else:
        child[above] = right
    if right != NOBODY:
        before[right] = left
    parent[node] = NOBODY
    before[node] = after[node] = NOBODY


@compiled
def _less(key: Floats, a: int, b: int) -> bool:
    if key[a, 0] != key[b, 0]:
        return bool(key[a, 0] < key[b, 0])
    return bool(key[a, 1] < key[b, 1])


@compiled
def put(queue: Queue, node: int, first: float, second: float) -> None:
    """Enter a sample into the queue, or change its key."""
    heap, where, key, counts = queue
    counts[QUEUE] += 1
    place = where[node]
    if place < 0:
        place = counts[SIZE]
        counts[SIZE] += 1
    elif first > key[node, 0] or (first == key[node, 0] and second > key[node, 1]):
        key[node, 0], key[node, 1] = first, second
        _down(queue, node, place)
        return
    key[node, 0], key[node, 1] = first, second
    # the way up stands here, and not in a function: a call would cost as much
    while place > 0:
        above = (place - 1) // 2
        other = heap[above]
        if key[other, 0] < first or (key[other, 0] == first and key[other, 1] <= second):
            break
        heap[place], where[other] = other, place
        place = above
    heap[place], where[node] = node, place


@compiled
def _down(queue: Queue, node: int, place: int) -> None:
    """Let a sample stand at a place, or below it where its key belongs."""
    heap, where, key, counts = queue
    size = counts[SIZE]
    first, second = key[node, 0], key[node, 1]
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        other = heap[below]
        if below + 1 < size:
            right = heap[below + 1]
            if key[right, 0] < key[other, 0] or (
                key[right, 0] == key[other, 0] and key[right, 1] < key[other, 1]
            ):
                below, other = below + 1, right
        if key[other, 0] > first or (key[other, 0] == first and key[other, 1] >= second):
            break
        heap[place], where[other] = other, place
        place = below
    heap[place], where[node] = node, place


@compiled
def drop(queue: Queue, node: int) -> None:
    """Take a sample out of the queue, if it is in it."""
    heap, where, key, counts = queue
    place = where[node]
    if place < 0:
        return
    counts[QUEUE] += 1
    counts[SIZE] -= 1
    where[node] = -1
    last = heap[counts[SIZE]]
    if last == node:
        return
    while place > 0:
        above = (place - 1) // 2
        other = heap[above]
        if not _less(key, last, other):
            break
        heap[place], where[other] = other, place
        place = above
    _down(queue, last, place)


@compiled
def take(queue: Queue) -> int:
    """Take the sample with the least key."""
    node = queue.heap[0]
    drop(queue, node)
    return int(node)


@compiled
def is_empty(queue: Queue) -> bool:
    """Tell whether nothing is queued."""
    return bool(queue.counts[SIZE] == 0)


@compiled
def clear(space: Space) -> None:
    """Forget tree, costs and queue: the state before anything was planned."""
    space.g[:] = np.inf
    space.rhs[:] = np.inf
    space.tree.parent[:] = NOBODY
    space.tree.child[:] = NOBODY
    space.tree.after[:] = NOBODY
    space.tree.before[:] = NOBODY
    space.queue.where[:] = -1
    space.queue.counts[SIZE] = 0

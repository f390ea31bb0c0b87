"""What a planner sees of the world, and the only ways to look at it: here is where costs are counted.

A planner is a compiled function of a `Space`. It reads the graph, keeps g, parent and a queue, and

    usable(space, edge)     may this edge be driven? A collision check the first time it is asked
    space.price[edge]       its length, or infinity where the world said that it is blocked
    look(space, number)     so many neighbours were looked at: relaxations
    put, drop, take         the queue, an indexed binary heap with two keys; each counts one operation
    adopt, disown           the tree: parent and children

Obstacles move outside the planner (`moving.py`); which edges changed is handed to it as lists.

**Two traps.** numba's disk cache is keyed by the planner's own file; `compiled` mixes in a digest of
this folder's parts. And a call that passes a `Space` counts a reference to each of its arrays, some
100 ns: loops over neighbours bind the arrays they need and call nothing.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adabench.workloads.replanning.roadmap import Ints
from adabench.workloads.replanning.scene import Floats
from adabench.workloads.shared import compiled as kernels

Counts = npt.NDArray[np.int64]
States = npt.NDArray[np.int8]

UNKNOWN, FREE, BLOCKED = -1, 0, 1
LOOKS, CHECKS, QUEUE, SIZE = 0, 1, 2, 3
"""Places in `counts`: relaxations, collision checks, heap operations, and the size of the heap."""
GOAL, ROBOT = 0, 1
NOBODY = -1

PARTS = ("space.py", "moving.py", "marching.py")
compiled = kernels.compiled(kernels.digest_of(Path(__file__).parent / name for name in PARTS))
"""The decorator of every kernel of this task."""


class Space(NamedTuple):
    """The graph, the obstacles as they are now, and the planner's own state."""

    points: Floats
    start: Ints
    target: Ints
    twin: Ints
    length: Floats
    price: Floats
    """(e,) the length, or infinity if blocked when the edges were last tested for everybody."""
    state: States
    """(e,) unknown, free or blocked."""
    centres: Floats
    """(k, 3) now."""
    radius: Floats
    walls: Floats
    g: Floats
    """(m,) cost to the goal; infinite where there is no way."""
    rhs: Floats
    """(m,) a second cost, for planners that look one step ahead."""
    parent: Ints
    """(m,) towards the goal."""
    child: Ints
    """(m,) the first child."""
    after: Ints
    """(m,) the next sibling."""
    before: Ints
    """(m,) the previous sibling."""
    heap: Ints
    """(m,) samples in heap order."""
    where: Ints
    """(m,) a sample's place in the heap, or -1."""
    key: Floats
    """(m, 2) compared in this order."""
    note: Ints
    """(m,) for marks of the planner's own; 0 before each call."""
    stack: Ints
    """(m,) scratch."""
    counts: Counts


@compiled
def look(space: Space, number: int) -> None:
    """Count neighbours that were looked at."""
    space.counts[LOOKS] += number


@compiled
def hits(space: Space, a: int, b: int) -> bool:
    """Tell whether the straight way between two samples meets an obstacle. Not counted here."""
    points, centres, radius, walls = space.points, space.centres, space.radius, space.walls
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
        if crosses(px, py, dx, dy, walls[w]):
            return True
    return False


@compiled
def crosses(px: float, py: float, dx: float, dy: float, wall: Floats) -> bool:
    """Tell whether a segment of the plane meets a box: the slab test."""
    low, high = 0.0, 1.0
    for axis in range(2):
        p, d = (px, dx) if axis == 0 else (py, dy)
        near, far = wall[axis], wall[axis + 2]
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
def usable(space: Space, edge: int, source: int) -> bool:
    """Tell whether an edge of `source` is free; checked and counted if that is not known yet."""
    if space.state[edge] == UNKNOWN:
        test(space, edge, source)
    return bool(space.state[edge] == FREE)


@compiled
def test(space: Space, edge: int, source: int) -> None:
    """Test an edge of `source`, note the outcome both ways, and count it."""
    space.counts[CHECKS] += 1
    found = BLOCKED if hits(space, source, space.target[edge]) else FREE
    space.state[edge] = space.state[space.twin[edge]] = found


@compiled
def reprice(space: Space, edge: int) -> None:
    """Let the price of an edge, both ways, follow what was found."""
    price = np.inf if space.state[edge] == BLOCKED else space.length[edge]
    space.price[edge] = space.price[space.twin[edge]] = price


@compiled
def adopt(space: Space, parent: int, child: int) -> None:
    """Hang a sample under another one."""
    disown(space, child)
    space.parent[child] = parent
    first = space.child[parent]
    space.after[child], space.before[child] = first, NOBODY
    if first != NOBODY:
        space.before[first] = child
    space.child[parent] = child


@compiled
def disown(space: Space, child: int) -> None:
    """Take a sample from its parent, if it has one; its own children stay with it."""
    parent = space.parent[child]
    if parent == NOBODY:
        return
    left, right = space.before[child], space.after[child]
    if left != NOBODY:
        space.after[left] = right
    else:
        space.child[parent] = right
    if right != NOBODY:
        space.before[right] = left
    space.parent[child] = NOBODY
    space.before[child] = space.after[child] = NOBODY


@compiled
def _less(key: Floats, a: int, b: int) -> bool:
    if key[a, 0] != key[b, 0]:
        return bool(key[a, 0] < key[b, 0])
    return bool(key[a, 1] < key[b, 1])


@compiled
def _up(heap: Ints, where: Ints, key: Floats, place: int) -> None:
    node = heap[place]
    while place > 0:
        above = (place - 1) // 2
        if not _less(key, node, heap[above]):
            break
        heap[place] = heap[above]
        where[heap[place]] = place
        place = above
    heap[place] = node
    where[node] = place


@compiled
def _down(heap: Ints, where: Ints, key: Floats, place: int, size: int) -> None:
    node = heap[place]
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        if below + 1 < size and _less(key, heap[below + 1], heap[below]):
            below += 1
        if not _less(key, heap[below], node):
            break
        heap[place] = heap[below]
        where[heap[place]] = place
        place = below
    heap[place] = node
    where[node] = place


@compiled
def put(space: Space, node: int, first: float, second: float) -> None:
    """Enter a sample into the queue, or change its key."""
    heap, where, key, counts = space.heap, space.where, space.key, space.counts
    counts[QUEUE] += 1
    key[node, 0], key[node, 1] = first, second
    if where[node] < 0:
        place = counts[SIZE]
        counts[SIZE] += 1
        heap[place] = node
        where[node] = place
        _up(heap, where, key, place)
    else:
        _up(heap, where, key, where[node])
        _down(heap, where, key, where[node], counts[SIZE])


@compiled
def drop(space: Space, node: int) -> None:
    """Take a sample out of the queue, if it is in it."""
    heap, where, key, counts = space.heap, space.where, space.key, space.counts
    place = where[node]
    if place < 0:
        return
    counts[QUEUE] += 1
    counts[SIZE] -= 1
    where[node] = -1
    last = heap[counts[SIZE]]
    if last == node:
        return
    heap[place] = last
    where[last] = place
    _up(heap, where, key, place)
    _down(heap, where, key, where[last], counts[SIZE])


@compiled
def take(space: Space) -> int:
    """Take the sample with the least key."""
    node = space.heap[0]
    drop(space, node)
    return int(node)


@compiled
def is_empty(space: Space) -> bool:
    """Tell whether nothing is queued."""
    return bool(space.counts[SIZE] == 0)


@compiled
def clear(space: Space) -> None:
    """Forget tree, costs and queue: the state before anything was planned."""
    space.g[:] = np.inf
    space.rhs[:] = np.inf
    space.parent[:] = NOBODY
    space.child[:] = NOBODY
    space.after[:] = NOBODY
    space.before[:] = NOBODY
    space.where[:] = -1
    space.counts[SIZE] = 0

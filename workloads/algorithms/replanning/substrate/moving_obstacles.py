"""Obstacles move: which edges are blocked now that were free, and which are free again.

The same for all planners: the edges of all samples near an obstacle, where it was and where it is,
are tested again. Near is within sqrt(rho^2 + (r_n / 2)^2) of its centre: an edge of length r_n at
most that touches the disc has an end there. Each edge is tested and counted once an update.
"""

import numpy as np

from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats
from adabench.workloads.algorithms.replanning.substrate.world import (
    BLOCKED,
    CHECKS,
    FREE,
    UNKNOWN,
    Space,
    Tree,
    compiled,
    hits,
)


@compiled
def settle(space: Space) -> None:
    """Test every edge that nobody has tested, and price all."""
    start, target, twin, price, state = (
        space.start,
        space.target,
        space.twin,
        space.price,
        space.state,
    )
    world, counts = space.world, space.queue.counts
    for source in range(len(start) - 1):
        for edge in range(start[source], start[source + 1]):
            back = twin[edge]
            if state[edge] == UNKNOWN:
                counts[CHECKS] += 1
                state[edge] = BLOCKED if hits(world, source, target[edge]) else FREE
                state[back] = state[edge]
            if state[edge] == BLOCKED:
                price[edge] = price[back] = np.inf


@compiled
def near(space: Space, centres: Floats, reach: float, touched: Ints) -> int:
    """Find the samples near an obstacle that moves, where it is and where it will be.

    They are marked in `touched` and listed in the scratch `stack`; returns how many they are.
    """
    points, before, radius, _ = space.world
    stack, count = space.stack, 0
    for k in range(len(radius)):
        limit = radius[k] ** 2 + (reach / 2) ** 2
        x, y, z = before[k, 0], before[k, 1], before[k, 2]
        u, v, w = centres[k, 0], centres[k, 1], centres[k, 2]
        if x == u and y == v and z == w:
            continue
        for node in range(len(points)):
            if touched[node]:
                continue
            # scalars: a view of a row would count a reference
            a, b, c = points[node, 0], points[node, 1], points[node, 2]
            was = (a - x) ** 2 + (b - y) ** 2 + (c - z) ** 2
            now = (a - u) ** 2 + (b - v) ** 2 + (c - w) ** 2
            if was <= limit or now <= limit:
                touched[node] = 1
                stack[count] = node
                count += 1
    return count


@compiled
def shift(
    space: Space, centres: Floats, reach: float, touched: Ints, blocked: Ints, freed: Ints
) -> tuple[int, int]:
    """Move the obstacles and test again what they may have changed.

    `touched` (m,) is scratch, all zeros before and after; `blocked` and `freed` (e,) receive the
    changed edges, one direction of each, as (edge) with its source in the edge's twin. Returns how
    many there are of either.
    """
    count = near(space, centres, reach, touched)
    start, target, twin, stack = space.start, space.target, space.twin, space.stack
    price, state, length = space.price, space.state, space.length
    world, counts = space.world, space.queue.counts
    for k in range(len(centres)):
        for axis in range(3):
            world.centres[k, axis] = centres[k, axis]
    more = less = 0
    for at in range(count):
        node = stack[at]
        for edge in range(start[node], start[node + 1]):
            other = target[edge]
            if touched[other] == 1 and other < node:
                continue  # its other end tests it
            before, back = state[edge], twin[edge]
            counts[CHECKS] += 1
            now = BLOCKED if hits(world, node, other) else FREE
            if now == before:
                continue
            state[edge] = state[back] = now
            price[edge] = price[back] = np.inf if now == BLOCKED else length[edge]
            if now == BLOCKED:
                blocked[more] = edge
                more += 1
            else:
                freed[less] = edge
                less += 1
    for at in range(count):
        touched[stack[at]] = 0
    return more, less


@compiled
def way(tree: Tree, robot: int, goal: int, path: Ints) -> int:
    """Follow parents from the robot to the goal; return the number of samples on the way, or 0."""
    count, node = 0, robot
    while count < len(path):
        path[count] = node
        count += 1
        if node == goal:
            return count
        node = tree.parent[node]
        if node < 0:
            return 0
    return 0

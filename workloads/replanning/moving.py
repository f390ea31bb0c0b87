"""Obstacles move: which edges are blocked now that were free, and which are free again.

The same for all planners: the edges of all samples near an obstacle, where it was and where it is,
are tested again. Near is within sqrt(rho^2 + (r_n / 2)^2) of its centre: an edge of length r_n at
most that touches the disc has an end there. Each edge is tested and counted once an update.
"""

from adabench.workloads.replanning.roadmap import Ints
from adabench.workloads.replanning.scene import Floats
from adabench.workloads.replanning.space import (
    BLOCKED,
    FREE,
    UNKNOWN,
    Space,
    compiled,
    reprice,
    test,
)


@compiled
def settle(space: Space) -> None:
    """Test every edge that nobody has tested, and price all."""
    for source in range(len(space.start) - 1):
        for edge in range(space.start[source], space.start[source + 1]):
            if space.state[edge] == UNKNOWN:
                test(space, edge, source)
            if space.state[edge] == BLOCKED:
                reprice(space, edge)


@compiled
def shift(
    space: Space, centres: Floats, reach: float, touched: Ints, blocked: Ints, freed: Ints
) -> tuple[int, int]:
    """Move the obstacles and test again what they may have changed.

    `touched` (m,) is scratch, all zeros before and after; `blocked` and `freed` (e,) receive the
    changed edges, one direction of each, as (edge) with its source in the edge's twin. Returns how
    many there are of either.
    """
    near = 0
    for k in range(len(space.radius)):
        limit = space.radius[k] ** 2 + (reach / 2) ** 2
        x, y, z = space.centres[k, 0], space.centres[k, 1], space.centres[k, 2]
        u, v, w = centres[k, 0], centres[k, 1], centres[k, 2]
        if x == u and y == v and z == w:
            continue
        for node in range(len(space.points)):
            if touched[node]:
                continue
            # scalars: a view of a row would count a reference
            a, b, c = space.points[node, 0], space.points[node, 1], space.points[node, 2]
            was = (a - x) ** 2 + (b - y) ** 2 + (c - z) ** 2
            now = (a - u) ** 2 + (b - v) ** 2 + (c - w) ** 2
            if was <= limit or now <= limit:
                touched[node] = 1
                space.stack[near] = node
                near += 1
    space.centres[:] = centres
    more = less = 0
    for at in range(near):
        node = space.stack[at]
        for edge in range(space.start[node], space.start[node + 1]):
            other = space.target[edge]
            if touched[other] == 1 and other < node:
                continue  # its other end tests it
            before = space.state[edge]
            test(space, edge, node)
            if space.state[edge] == before:
                continue
            reprice(space, edge)
            if before == FREE:
                blocked[more] = edge
                more += 1
            else:
                freed[less] = edge
                less += 1
    for at in range(near):
        touched[space.stack[at]] = 0
    return more, less


@compiled
def way(space: Space, robot: int, goal: int, path: Ints) -> int:
    """Follow parents from the robot to the goal; return the number of samples on the way, or 0."""
    count, node = 0, robot
    while count < len(path):
        path[count] = node
        count += 1
        if node == goal:
            return count
        node = space.parent[node]
        if node < 0:
            return 0
    return 0

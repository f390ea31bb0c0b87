"""LPA*: the classic of incremental search, absent from the FMTx paper.

Each sample has a cost g and a one-step look-ahead rhs = min over neighbours of g + length. Those
whose two differ are queued by (min(g, rhs) + h, min(g, rhs)); an overconsistent one (g > rhs) takes
rhs and tells its neighbours, an underconsistent one forgets g first. With `early` the search stops
when the robot is consistent and nothing queued could better it; h is then the distance to the
robot, which is consistent since edges are straight. Drained, h is 0.

**What to expect.** A prediction, the card has no figure: fewer looks than FMTx, since a connection
asks no open neighbours, and more heap operations.

**Ways to fake it.** A heuristic that overestimates; costs of edges changed without telling both
ends.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.replanning.substrate import world
from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints
from adabench.workloads.algorithms.replanning.substrate.replay import Drive, Replanning
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats, Scene

CARD = Card(
    title="LPA* (lifelong planning)",
    paper="Koenig, Likhachev and Furcy, Lifelong planning A*, Artificial Intelligence, 2004",
    adapts="which samples are expanded again, on which costs became inconsistent; per update",
    no_signal="which edges changed is the scene itself; `random_repair` opens as many samples elsewhere",
    knobs=(Knob("early", (False, True), False),),
)


ROUNDING = 1e-9
"""A sample on a straight way to the robot has the robot's own key, but for rounding."""


@world.compiled
def distance(points: Floats, node: int, early: bool) -> float:
    """Return how far the robot is as the crow flies, 0 if all samples are wanted."""
    if not early:
        return 0.0
    square = 0.0
    for axis in range(3):
        square += (points[node, axis] - points[world.ROBOT, axis]) ** 2
    return float(np.sqrt(square))


@world.compiled
def update(
    points: Floats, g: Floats, rhs: Floats, queue: world.Queue, node: int, early: bool
) -> None:  # fmt: skip
    """Queue a sample whose costs differ, take out one whose costs agree."""
    if g[node] == rhs[node]:
        world.drop(queue, node)
        return
    least = min(g[node], rhs[node])
    world.put(queue, node, least + distance(points, node, early), least)


@world.compiled
def recompute(space: world.Space, node: int) -> None:
    """Look one step ahead from all neighbours."""
    if node == world.GOAL:
        return
    start, target, price, g, rhs = space.start, space.target, space.price, space.g, space.rhs
    state, parent = space.state, space.tree.parent
    rhs[node], parent[node] = np.inf, world.NOBODY
    world.look(space.queue, start[node + 1] - start[node])
    for edge in range(start[node], start[node + 1]):
        cost = g[target[edge]] + price[edge]
        if cost < rhs[node] and (state[edge] == world.FREE or world.is_free(space, edge, node)):
            rhs[node], parent[node] = cost, target[edge]


@world.compiled
def search(space: world.Space, early: bool) -> None:
    """Expand inconsistent samples until none is left, or the robot's cost is certain."""
    g, rhs, queue, points = space.g, space.rhs, space.queue, space.world.points
    heap, key = queue.heap, queue.key
    while not world.is_empty(queue):
        least = min(g[world.ROBOT], rhs[world.ROBOT])
        certain = g[world.ROBOT] == rhs[world.ROBOT] and least < np.inf
        if early and certain and key[heap[0], 0] > least + ROUNDING:
            return
        node = world.take(queue)
        world.look(queue, space.start[node + 1] - space.start[node])
        if g[node] > rhs[node]:
            g[node] = rhs[node]
            lower(space, node, early)
        else:
            g[node] = np.inf
            update(points, g, rhs, queue, node, early)
            loosen(space, node, early)


@world.compiled
def lower(space: world.Space, node: int, early: bool) -> None:
    """Tell the neighbours that the cost of a sample fell."""
    start, target, price, g, rhs = space.start, space.target, space.price, space.g, space.rhs
    state, parent = space.state, space.tree.parent
    queue, points = space.queue, space.world.points
    for edge in range(start[node], start[node + 1]):
        other = target[edge]
        cost = g[node] + price[edge]
        if cost < rhs[other] and (state[edge] == world.FREE or world.is_free(space, edge, node)):
            rhs[other], parent[other] = cost, node
            update(points, g, rhs, queue, other, early)


@world.compiled
def loosen(space: world.Space, node: int, early: bool) -> None:
    """Let those under a sample whose cost is forgotten look for another parent."""
    start, target, parent = space.start, space.target, space.tree.parent
    g, rhs, queue, points = space.g, space.rhs, space.queue, space.world.points
    for edge in range(start[node], start[node + 1]):
        other = target[edge]
        if parent[other] == node:
            recompute(space, other)
            update(points, g, rhs, queue, other, early)


@world.compiled
def plan(space: world.Space, tune: Floats) -> None:
    """Search from the goal."""
    early = tune[0] > 0
    space.rhs[world.GOAL] = 0.0
    update(space.world.points, space.g, space.rhs, space.queue, world.GOAL, early)
    search(space, early)


@world.compiled
def repair(
    space: world.Space, blocked: Ints, more: int, freed: Ints, less: int, tune: Floats
) -> None:
    """Look ahead again at both ends of every edge that changed, and search on."""
    early = tune[0] > 0
    target, twin, length, parent = space.target, space.twin, space.length, space.tree.parent
    g, rhs, queue, points = space.g, space.rhs, space.queue, space.world.points
    for at in range(more):
        for side in range(2):
            edge = blocked[at] if side == 0 else twin[blocked[at]]
            node, other = target[edge], target[twin[edge]]
            if parent[node] == other:
                recompute(space, node)
                update(points, g, rhs, queue, node, early)
    for at in range(less):
        for side in range(2):
            edge = freed[at] if side == 0 else twin[freed[at]]
            node, other = target[edge], target[twin[edge]]
            cost = g[other] + length[edge]
            world.look(queue, 1)
            if node != world.GOAL and cost < rhs[node]:
                rhs[node], parent[node] = cost, other
                update(points, g, rhs, queue, node, early)
    search(space, early)


def solve(task: Replanning, case: Scene, point: Point) -> Drive:
    """Drive the scene, drained unless `early`."""
    early = bool(point["early"])
    return task.drive(case, plan, repair, tune=(float(early),), drained=not early)

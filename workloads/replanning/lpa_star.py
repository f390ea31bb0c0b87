"""LPA*: the classic of incremental search, absent from the FMTx paper.

Each sample has a cost g and a one-step look-ahead rhs = min over neighbours of g + length. Those whose two
differ are queued by (min(g, rhs) + h, min(g, rhs)); an overconsistent one (g > rhs) takes rhs and tells
its neighbours, an underconsistent one forgets g first. With `early` the search stops when the
robot is consistent and nothing queued could better it; h is then the distance to the robot, which
is consistent since edges are straight. Drained, h is 0.

**What to expect.** A prediction, the card has no figure: fewer looks than FMTx, since a connection asks
no open neighbours, and more heap operations.

**What was seen.** Seeds 0..5, speeds 0.25, 1 and 5: 0.28, 0.35 and 0.26 of FMTx's relaxations, 0.38, 0.72 and
1.29 of its heap operations, 0.99, 1.07 and 1.03 of its processor time.

**Ways to fake it.** A heuristic that overestimates; costs of edges changed without telling both ends.
"""

import numpy as np

from adabench.harness.card import Bound, Card, Claim, Knob, Point
from adabench.workloads.replanning.driven import Drive
from adabench.workloads.replanning.planning import Replanning
from adabench.workloads.replanning.roadmap import Ints
from adabench.workloads.replanning.scene import Floats, Scene
from adabench.workloads.replanning.space import (
    GOAL,
    NOBODY,
    ROBOT,
    Space,
    compiled,
    drop,
    is_empty,
    look,
    put,
    take,
    usable,
)

CARD = Card(
    title="LPA* (lifelong planning)",
    paper="Koenig, Likhachev and Furcy, Lifelong planning A*, Artificial Intelligence, 2004",
    adapts="which samples are expanded again, on which costs became inconsistent; per update",
    knobs=(Knob("early", (False, True), False),),
    claims=(
        Claim(
            id="LPA-exact",
            says="Costs are those of the shortest ways.",
            paper="a theorem",
            expect=Bound("g_gap", "tolerance"),
        ),
    ),
)


ROUNDING = 1e-9
"""A sample on a straight way to the robot has the robot's own key, but for rounding."""


@compiled
def distance(space: Space, node: int, early: bool) -> float:
    """Return how far the robot is as the crow flies, 0 if all samples are wanted."""
    if not early:
        return 0.0
    return float(np.sqrt(((space.points[node] - space.points[ROBOT]) ** 2).sum()))


@compiled
def update(space: Space, node: int, early: bool) -> None:
    """Queue a sample whose costs differ, take out one whose costs agree."""
    if space.g[node] == space.rhs[node]:
        drop(space, node)
        return
    least = min(space.g[node], space.rhs[node])
    put(space, node, least + distance(space, node, early), least)


@compiled
def recompute(space: Space, node: int) -> None:
    """Look one step ahead from all neighbours."""
    if node == GOAL:
        return
    start, target, price, g = space.start, space.target, space.price, space.g
    space.rhs[node], space.parent[node] = np.inf, NOBODY
    look(space, start[node + 1] - start[node])
    for edge in range(start[node], start[node + 1]):
        cost = g[target[edge]] + price[edge]
        if cost < space.rhs[node] and usable(space, edge, node):
            space.rhs[node], space.parent[node] = cost, target[edge]


@compiled
def search(space: Space, early: bool) -> None:
    """Expand inconsistent samples until none is left, or the robot's cost is certain."""
    start, target, price, g, rhs = (
        space.start,
        space.target,
        space.price,
        space.g,
        space.rhs,
    )
    parent = space.parent
    while not is_empty(space):
        top = space.heap[0]
        least = min(space.g[ROBOT], space.rhs[ROBOT])
        certain = space.g[ROBOT] == space.rhs[ROBOT] and least < np.inf
        if early and certain and space.key[top, 0] > least + ROUNDING:
            return
        node = take(space)
        look(space, start[node + 1] - start[node])
        if g[node] > rhs[node]:
            g[node] = rhs[node]
            for edge in range(start[node], start[node + 1]):
                other = target[edge]
                cost = g[node] + price[edge]
                if cost < rhs[other] and usable(space, edge, node):
                    rhs[other], parent[other] = cost, node
                    update(space, other, early)
        else:
            g[node] = np.inf
            update(space, node, early)
            for edge in range(start[node], start[node + 1]):
                other = target[edge]
                if parent[other] == node:
                    recompute(space, other)
                    update(space, other, early)


@compiled
def plan(space: Space, tune: Floats) -> None:
    """Search from the goal."""
    space.rhs[GOAL] = 0.0
    update(space, GOAL, tune[0] > 0)
    search(space, tune[0] > 0)


@compiled
def repair(space: Space, blocked: Ints, more: int, freed: Ints, less: int, tune: Floats) -> None:
    """Look ahead again at both ends of every edge that changed, and search on."""
    early = tune[0] > 0
    for at in range(more):
        for side in range(2):
            edge = blocked[at] if side == 0 else space.twin[blocked[at]]
            node, other = space.target[edge], space.target[space.twin[edge]]
            if space.parent[node] == other:
                recompute(space, node)
                update(space, node, early)
    for at in range(less):
        for side in range(2):
            edge = freed[at] if side == 0 else space.twin[freed[at]]
            node, other = space.target[edge], space.target[space.twin[edge]]
            cost = space.g[other] + space.length[edge]
            look(space, 1)
            if node != GOAL and cost < space.rhs[node]:
                space.rhs[node], space.parent[node] = cost, other
                update(space, node, early)
    search(space, early)


def solve(task: Replanning, case: Scene, point: Point) -> Drive:
    """Drive the scene, drained unless `early`."""
    early = bool(point["early"])
    return task.drive(case, plan, repair, tune=(float(early),), drained=not early)

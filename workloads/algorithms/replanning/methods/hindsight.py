"""Oracle: told the best way at every update, it changes the costs on that way alone.

Nobody who has to find a way can do with less: each edge of the way is looked at once, and edges
near obstacles are tested as for everybody. A bound, not a planner: finding the way is what planning
is.

**What to expect.** Quality 1, and a few dozen looks an update beside the collision checks.

**Ways to fake it.** Selling it as a planner.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.replanning.substrate import world
from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints
from adabench.workloads.algorithms.replanning.substrate.replay import Drive, Replanning
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats, Scene

CARD = Card(
    title="Oracle: the best way itself",
    paper="our own bound",
    adapts="which samples' costs are set, on the best way itself",
    role="oracle",
    oracle="bound",
)


@world.compiled
def plan(space: world.Space, tune: Floats) -> None:
    """Set costs and parents along the way that was told, from the goal back."""
    world.clear(space)
    space.g[world.GOAL] = 0.0
    for at in range(int(tune[-1]) - 2, -1, -1):
        node, above = space.note[at], space.note[at + 1]
        world.look(space.queue, 1)
        for edge in range(space.start[node], space.start[node + 1]):
            if space.target[edge] == above:
                space.g[node] = space.g[above] + space.length[edge]
                space.tree.parent[node] = above


@world.compiled
def repair(
    space: world.Space, blocked: Ints, more: int, freed: Ints, less: int, tune: Floats
) -> None:
    """The same again."""
    plan(space, tune)


def solve(task: Replanning, case: Scene, point: Point) -> Drive:
    """Drive the scene with the ways told."""
    return task.drive(case, plan, repair, hints=True, drained=False)

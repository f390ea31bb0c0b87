"""Dijkstra: the shortest ways from the goal to all samples, anew at every update.

The uncomfortable baseline. A relaxation here is one look at one neighbour; fast marching looks for
the best open neighbour again for each sample that it connects, a factor of the degree more. On
edges that are already tested nothing is left that a tree could save except the part of the graph
that did not change. `benchmarks/replanning.py` holds this kernel against scipy's.

**What to expect.** Written before measuring, from the card: less time than a full FMT* replan by
2.4, and less than FMTx at all speeds but the lowest.

**Ways to fake it.** A search in Python, or a graph that is built anew inside the measured region.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.replanning.substrate import world
from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints
from adabench.workloads.algorithms.replanning.substrate.replay import Drive, Replanning
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats, Scene

CARD = Card(
    title="Dijkstra from scratch",
    paper="Dijkstra, A note on two problems in connexion with graphs, 1959",
    adapts="nothing: it searches anew whatever changed",
    role="static",
    knobs=(Knob("share", (0.1, 0.25, 0.5, 1.0), 1.0),),
)


@world.compiled
def plan(space: world.Space, tune: Floats) -> None:
    """Settle samples in the order of their costs."""
    start, target, price, g, state = space.start, space.target, space.price, space.g, space.state
    queue, parent = space.queue, space.tree.parent
    g[world.GOAL] = 0.0
    world.put(queue, world.GOAL, 0.0, 0.0)
    while not world.is_empty(queue):
        z = world.take(queue)
        world.look(queue, start[z + 1] - start[z])
        for edge in range(start[z], start[z + 1]):
            x = target[edge]
            cost = g[z] + price[edge]
            if cost < g[x] and (state[edge] == world.FREE or world.is_free(space, edge, z)):
                g[x] = cost
                parent[x] = z
                world.put(queue, x, cost, 0.0)


@world.compiled
def repair(
    space: world.Space, blocked: Ints, more: int, freed: Ints, less: int, tune: Floats
) -> None:
    """Forget everything and search."""
    world.clear(space)
    plan(space, tune)


def solve(task: Replanning, case: Scene, point: Point) -> Drive:
    """Drive the scene."""
    return task.drive(case, plan, repair, share=float(point["share"]))

"""FMTx: the fast marching tree that repairs itself where obstacles moved.

FMT* grows a tree of least costs from the goal in one pass: the open sample z of least cost looks at
its neighbours, and each one that has no cost yet is connected to the best of *its* open neighbours.
One changed test turns the same loop into a repair:

    FMT*    x qualifies if it has no cost
    FMTx    x qualifies if  g(x) > g(z) + length(z, x)

After an update, branches on blocked edges lose their costs, their neighbours are opened again, and
so are the neighbours of edges that became free. The loop then visits what the change can have
reached, and nothing else. **Signal**: which edges changed, and where costs can still fall.

With edges tested by the substrate (`moving_obstacles.py`, the same for every planner) the loop is
label-correcting: drained, g equals Dijkstra's at every sample, which every run checks. With
`early` it stops once the robot's cost is certain; what is still open stays open.

**Simplified against the paper.** Geometric spaces only, two and three dimensions; discs, balls and
walls for obstacles; the robot stands. Lazy repair is left out: edges near obstacles are always
tested. The first plan in an untested world does test as it goes (`first_checks`).

**What to expect.** Written before measuring, from the card: 1.06 to 1.18 times fewer relaxations
than RRTx, 1.2 to 1.5 times less time, more so the faster obstacles move; below half of a full
replan's relaxations when a quarter of the tree breaks, above it when most does; and a plain
Dijkstra on tested edges beats all of them.

**Ways to fake it.** No orphans below a broken edge; no second look where an obstacle was (ways
never get better again); a queue emptied after an early stop; obstacles that never cut the tree.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints
from adabench.workloads.algorithms.replanning.substrate.fast_marching import (
    begin,
    cut,
    march,
    reopen,
)
from adabench.workloads.algorithms.replanning.substrate.replay import Drive, Replanning
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats, Scene
from adabench.workloads.algorithms.replanning.substrate.world import Space, compiled

CARD = Card(
    title="FMTx (fast marching tree with repair)",
    paper="FMT^x, arXiv 2509.08521, September 2025",
    slug="fmtx",
    adapts="which part of the tree is expanded again, on which edges changed; per obstacle update",
    no_signal="which edges changed is the scene itself; `random_repair` opens as many samples elsewhere",
    fidelity="code-confirmed",
    knobs=(Knob("early", (False, True), False), Knob("share", (0.5, 1.0), 1.0)),
)


@compiled
def plan(space: Space, tune: Floats) -> None:
    """Grow the tree from the goal."""
    begin(space)
    march(space, True, tune[0] > 0)


@compiled
def repair(space: Space, blocked: Ints, more: int, freed: Ints, less: int, tune: Floats) -> None:
    """Orphan what hangs on blocked edges, open what may reach it, and march on."""
    start, target, twin, g, queue = space.start, space.target, space.twin, space.g, space.queue
    orphans = space.stack
    for at in range(cut(space, blocked, more, orphans)):
        reopen(start, target, g, queue, orphans[at])
    for at in range(less):
        reopen(start, target, g, queue, target[freed[at]])
        reopen(start, target, g, queue, target[twin[freed[at]]])
    march(space, True, tune[0] > 0)


def solve(task: Replanning, case: Scene, point: Point) -> Drive:
    """Drive the scene, drained unless `early`."""
    early = bool(point["early"])
    return task.drive(
        case, plan, repair, share=float(point["share"]), tune=(float(early),), drained=not early
    )

"""Control: repair as much as FMTx does, somewhere.

Broken branches lose their costs, as they must. Then as many samples are opened as FMTx would open,
drawn at random from all that have a cost, and the same march runs. What FMTx's choice of *where* is
worth is the difference: most orphans find no open neighbour and stay without a way.

**What to expect.** A prediction: about as many relaxations, and no way for the robot soon after the
first break on it.

**Ways to fake it.** Fewer samples opened than FMTx opens.
"""

import numpy as np

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints
from adabench.workloads.algorithms.replanning.substrate.fast_marching import begin, cut, march
from adabench.workloads.algorithms.replanning.substrate.replay import Drive, Replanning
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats, Scene
from adabench.workloads.algorithms.replanning.substrate.world import Space, compiled, look, put

CARD = Card(
    title="Random repair",
    paper="our own control",
    adapts="nothing: what is opened again is drawn",
    role="control",
)


@compiled
def plan(space: Space, tune: Floats) -> None:
    """Grow the tree from the goal."""
    np.random.seed(int(tune[0]))
    begin(space)
    march(space, True, False)


@compiled
def frontier(space: Space, node: int) -> int:
    """Return how many neighbours of a sample FMTx would open that were not counted yet."""
    start, target, g, note = space.start, space.target, space.g, space.note
    count = 0
    look(space.queue, start[node + 1] - start[node])
    for edge in range(start[node], start[node + 1]):
        y = target[edge]
        if g[y] < np.inf and note[y] == 0:
            note[y] = 2
            count += 1
    return count


@compiled
def repair(space: Space, blocked: Ints, more: int, freed: Ints, less: int, tune: Floats) -> None:
    """Open as many samples as FMTx would, drawn with replacement."""
    count = cut(space, blocked, more, space.stack)
    wanted = 0
    for at in range(count):
        wanted += frontier(space, space.stack[at])
    for at in range(less):
        wanted += frontier(space, space.target[freed[at]])
        wanted += frontier(space, space.target[space.twin[freed[at]]])
    for _ in range(wanted):
        y = np.random.randint(len(space.g))
        if space.g[y] < np.inf and space.queue.where[y] < 0:
            put(space.queue, y, space.g[y], 0.0)
    march(space, True, False)


def solve(task: Replanning, case: Scene, point: Point) -> Drive:
    """Drive the scene; no cost is claimed to be right."""
    return task.drive(case, plan, repair, tune=(float(case.seed + 1),), drained=False)

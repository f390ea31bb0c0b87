"""RRTx on fixed samples: the rival that repairs by a cascade of rewiring.

Every sample has two costs, g and one look ahead (lmc, here `rhs`): the cost through its best
neighbour. A sample whose two differ by more than epsilon is queued by (min(g, lmc), g); taken from
the queue it recomputes its parent, tells the neighbours that get better through it, and settles.
After an update, orphans lose both costs and their neighbours are forced to tell theirs again.

**Simplified against the paper.** No samples are added and the neighbourhood does not shrink: the
same samples, neighbour lists and tested edges as everybody's. Reconstructed from the published
algorithm; exact at epsilon = 0, which every run checks. `epsilon` is a real knob: a small loss of
length for less cascading.

**What to expect.** Written before measuring, from the card: 1.06 to 1.18 times FMTx's relaxations,
and 1.2 to 1.5 times its time at epsilon = 0; less at epsilon = 1.

**Ways to fake it.** For FMTx's sake: an RRTx in Python, one that still adds samples, epsilon
untuned.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.replanning.substrate import world
from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints
from adabench.workloads.algorithms.replanning.substrate.fast_marching import cut
from adabench.workloads.algorithms.replanning.substrate.replay import Drive, Replanning
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats, Scene

CARD = Card(
    title="RRTx on fixed samples",
    paper="Otte and Frazzoli, RRTx, International Journal of Robotics Research, 2016",
    adapts="which samples are rewired, on which costs became inconsistent; per obstacle update",
    no_signal="which edges changed is the scene itself; `random_repair` opens as many samples elsewhere",
    fidelity="reconstructed",
    knobs=(
        Knob("epsilon", (0.0, 0.1, 1.0), 0.0, open=True, low=0.0),
        Knob("early", (False, True), False),
    ),
)


@world.compiled
def verify(g: Floats, rhs: Floats, queue: world.Queue, node: int) -> None:
    """Queue a sample, or move it to where its costs say."""
    world.put(queue, node, min(g[node], rhs[node]), g[node])


@world.compiled
def look_ahead(space: world.Space, node: int) -> None:
    """Take the best neighbour for a parent, whoever is not one's own child or an orphan."""
    start, target, price, rhs, note = space.start, space.target, space.price, space.rhs, space.note
    state, tree = space.state, space.tree
    parent = tree.parent
    world.look(space.queue, start[node + 1] - start[node])
    for edge in range(start[node], start[node + 1]):
        other = target[edge]
        cost = rhs[other] + price[edge]
        if (
            cost < rhs[node]
            and parent[other] != node
            and not note[other]
            and (state[edge] == world.FREE or world.is_free(space, edge, node))
        ):
            rhs[node] = cost
            world.adopt(tree, other, node)


@world.compiled
def rewire(space: world.Space, node: int, epsilon: float) -> None:
    """Tell the neighbours that a better way leads through here."""
    start, target, price, rhs, g = space.start, space.target, space.price, space.rhs, space.g
    state, tree, queue = space.state, space.tree, space.queue
    if not g[node] - rhs[node] > epsilon:
        return
    parent = tree.parent
    world.look(queue, start[node + 1] - start[node])
    for edge in range(start[node], start[node + 1]):
        other = target[edge]
        cost = rhs[node] + price[edge]
        if (
            other != parent[node]
            and rhs[other] > cost
            and (state[edge] == world.FREE or world.is_free(space, edge, node))
        ):
            rhs[other] = cost
            world.adopt(tree, node, other)
            if g[other] - cost > epsilon:
                verify(g, rhs, queue, other)


@world.compiled
def reduce(space: world.Space, epsilon: float, early: bool) -> None:
    """Settle inconsistent samples in the order of their costs."""
    g, rhs, queue = space.g, space.rhs, space.queue
    heap, where, key = queue.heap, queue.where, queue.key
    while not world.is_empty(queue):
        if (
            early
            and where[world.ROBOT] < 0
            and g[world.ROBOT] < np.inf
            and g[world.ROBOT] == rhs[world.ROBOT]
            and key[heap[0], 0] >= g[world.ROBOT]
        ):
            return
        node = world.take(queue)
        if g[node] - rhs[node] > epsilon:
            look_ahead(space, node)
            rewire(space, node, epsilon)
        g[node] = rhs[node]


@world.compiled
def plan(space: world.Space, tune: Floats) -> None:
    """Queue the goal and settle."""
    space.rhs[world.GOAL] = 0.0
    verify(space.g, space.rhs, space.queue, world.GOAL)
    reduce(space, tune[0], tune[1] > 0)


@world.compiled
def speak(space: world.Space, orphan: int) -> None:
    """Force the neighbours of an orphan that have a cost to tell it again."""
    start, target, g, rhs, note = space.start, space.target, space.g, space.rhs, space.note
    queue = space.queue
    rhs[orphan] = np.inf
    world.look(queue, start[orphan + 1] - start[orphan])
    for edge in range(start[orphan], start[orphan + 1]):
        other = target[edge]
        if not note[other] and rhs[other] < np.inf:
            g[other] = np.inf
            verify(g, rhs, queue, other)


@world.compiled
def repair(
    space: world.Space, blocked: Ints, more: int, freed: Ints, less: int, tune: Floats
) -> None:
    """Let orphans' neighbours speak again, let freed edges be seen, and settle."""
    orphans, note = space.stack, space.note
    count = cut(space, blocked, more, orphans)
    for at in range(count):
        speak(space, orphans[at])
    for at in range(count):
        note[orphans[at]] = 0
    for at in range(less):
        for side in range(2):
            edge = freed[at] if side == 0 else space.twin[freed[at]]
            node = space.target[edge]
            look_ahead(space, node)
            if space.rhs[node] != space.g[node]:
                verify(space.g, space.rhs, space.queue, node)
    reduce(space, tune[0], tune[1] > 0)


def solve(task: Replanning, case: Scene, point: Point) -> Drive:
    """Drive the scene; costs are claimed for all samples if drained and epsilon is 0."""
    early, epsilon = bool(point["early"]), float(point["epsilon"])
    return task.drive(
        case, plan, repair, tune=(epsilon, float(early)),
        drained=not early,
    )  # fmt: skip

"""Pruned landmark labelling on the whole graph: the other end of the trade-off.

    dist(s, t) = min over hubs h in both labels of d(s, h) + d(h, t)

An exact index that answers by merging two short lists (`pruned_labels.py` has the construction):
the cheapest query of all, and the dearest preparation, which reads the graph again for each hub
until earlier hubs cover it.

**Simplified.** Plain labels: the bit-parallel labels of the paper's implementation, which make the
first hubs cheaper by a constant factor, are left out, and hub and distance take 4 bytes each. Its
preparation is therefore an upper bound of what a tuned implementation needs; `WH-4`
must be read so.

**What to expect.** Written before measuring, from the card: about 50 labels a vertex and seconds of
preparation on 20,000 vertices. More than `largest` vertices are not labelled unless that is raised.

**Ways to fake it.** Forgetting what the index cost.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.harness.errors import MissingExtra
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Case
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import Graph, Space, hook
from adabench.workloads.algorithms.shortest_paths.substrate.pruned_labels import (
    Labels,
    apart,
    label,
)
from adabench.workloads.algorithms.shortest_paths.substrate.replay import (
    Answers,
    ShortestPaths,
    State,
    restoring,
    stored_state,
)

CARD = Card(
    title="Pruned landmark labelling",
    paper="Akiba, Iwata and Yoshida, Fast exact shortest-path distance queries, SIGMOD 2013",
    adapts="nothing: one index for all pairs",
    role="static",
    fidelity="special-case",
    knobs=(Knob("largest", (70000,), 70000, open=True, low=1),),
)


@hook
def answer(
    graph: Graph, index: Labels, space: Space, inner: Space, epoch: int, s: int, t: int
) -> int:
    """Merge two labels."""
    return apart(index, graph.ledger, s, t)


def prepare(task: ShortestPaths, point: Point, seed: int) -> State:
    """Label every graph.

    Raises:
        MissingExtra: if one has more vertices than are labelled unasked; the cell is skipped.
    """
    most = max(case.graph.vertices for case in task.training())
    if most > int(point["largest"]):
        raise MissingExtra(
            f"A full index of {most:,} vertices takes minutes and is not built unasked.",
            f"`--set largest={most}` builds it.",
        )
    return task.prepare(label)


pack = stored_state
unpack = restoring(lambda parts: Labels(*parts))


def solve(state: State, case: Case, point: Point) -> Answers:
    """Answer every pair from the labels."""
    return state.task.ask(case, answer, state.prepared_index[case.instance])

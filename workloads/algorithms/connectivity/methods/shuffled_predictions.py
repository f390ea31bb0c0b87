"""The control: predicted lifetimes that have been shuffled among the edges.

As many long and short beliefs as `predicted_updates.py` is told, each on a random edge: the
right distribution and no content. What the method gains over this is what predictions say.

**What to expect.** Written before measuring: the work of predictions at very large noise where
lifetimes vary, hence more than with nearly right predictions. In fifo streams all lifetimes
are equal, shuffling changes little, and the control should be about as good as the method.

**Ways to fake it.** Lifetimes of another distribution.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.connectivity.substrate.lifting import (
    lift_query,
    lift_update,
    lifted_recursion,
)
from adabench.workloads.algorithms.connectivity.substrate.replay import Connectivity, Service
from adabench.workloads.algorithms.connectivity.substrate.update_streams import Stream

CARD = Card(
    title="Lifted recursion on shuffled predictions",
    adapts="what is rebuilt, on predictions without content",
    role="control",
    moved_from="connectivity/shuffled",
    conditions={"noise": 1.0, "n": 1000},
)


def solve(task: Connectivity, case: Stream, point: Point) -> Service:
    """Serve the stream with shuffled lifetimes."""
    return task.serve(case, lift_update, lift_query, lifted_recursion, hints="shuffled")

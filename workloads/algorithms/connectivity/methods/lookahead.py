"""Doubling without predictions: every edge is believed to die at the next update.

The lifted recursion of `predicted_updates.py`, told nothing: an edge is believed in for 1
update, then for 1, 2, 4, ... more. What predictions are worth is the distance to this.

**What to expect.** Written before measuring: the work of predictions without content, some
400 unions per update at n = 2,000; the belief is a factor of two too long on average, so
repairs cover a share of the time tree whatever happens.

**Ways to fake it.** Peeking at the prediction to begin the doubling.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.connectivity.substrate.lifting import LIFTED
from adabench.workloads.algorithms.connectivity.substrate.replay import Connectivity, Service
from adabench.workloads.algorithms.connectivity.substrate.update_streams import Stream

CARD = Card(
    title="Doubling without predictions",
    paper="none: what predictions add to arXiv 2307.08890",
    adapts="how long an edge is believed in, on how long it has lived",
    no_signal="it is given no prediction: what it reads is the past of its own stream",
    fidelity="special-case",
    conditions={"noise": 1.0, "n": 1000},
)


def solve(task: Connectivity, case: Stream, point: Point) -> Service:
    """Serve the stream without predictions."""
    return task.serve(case, *LIFTED)

"""Offline divide and conquer over time: the lifted recursion, told every deletion time exactly.

The oracle of this task. It runs the very kernel of `predicted_updates.py` on the same
shift; only its predictions are the truth, so it never repairs and never extends:

    unions <= 2 (log2 P - 1) per inserted edge      (`perfect_bound`: each node is entered once)

Its choice is exact. Its *work* is no lower bound: on graphs where a deletion leaves a small
side, a spanning forest without any prediction does less.

**What to expect.** Written before measuring, from the card: 5.3 unions per update at n = 2,000
and 5.9 at 5,000 on random streams, 106 and 237 times fewer than rebuilding at each deletion.

**Ways to fake it.** A kernel of its own, tuned otherwise; leaving its O(log T) list entries per
edge out of the work.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.connectivity.substrate.lifting import LIFTED
from adabench.workloads.algorithms.connectivity.substrate.replay import Connectivity, Service
from adabench.workloads.algorithms.connectivity.substrate.update_streams import Stream

CARD = Card(
    title="Offline divide and conquer over time",
    paper="Offline dynamic connectivity over a segment tree; arXiv 2307.08890",
    adapts="what is united when, on all deletion times",
    role="oracle",
    oracle="exact",
)


def solve(task: Connectivity, case: Stream, point: Point) -> Service:
    """Serve the stream with true deletion times as predictions."""
    return task.serve(case, *LIFTED, hints="true")

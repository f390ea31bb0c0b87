"""Rebuild at each deletion: union-find over all live edges, from the beginning.

It adapts to nothing. An insertion is one union with path halving; a deletion clears the
union-find (a stamp, not n writes) and unites every live edge again, in one loop over an array.
O(m alpha) per deletion, and kind to the cache: the baseline that predictions must beat in time.

**What to expect.** Written before measuring, from the card: 562 unions per update on random
streams of 2,000 vertices, about half of the live edges.

**Ways to fake it.** As a baseline: rebuilding after insertions too, or in interpreted Python.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.connectivity.substrate.rebuild_structure import REBUILD
from adabench.workloads.algorithms.connectivity.substrate.replay import Connectivity, Service
from adabench.workloads.algorithms.connectivity.substrate.update_streams import Stream

CARD = Card(
    title="Rebuild at each deletion",
    paper="Tarjan, Efficiency of a good but not linear set union algorithm, 1975",
    adapts="nothing: all live edges are united again",
    role="static",
)


def solve(task: Connectivity, case: Stream, point: Point) -> Service:
    """Serve the stream."""
    return task.serve(case, *REBUILD)

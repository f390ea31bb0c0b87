"""No structure: a bidirectional search of the live graph for each query.

An update is O(1). A query searches from both ends in turn until the searches meet or the
smaller component is exhausted (`bfs_structure.py`). Where components are small it is hard to beat.

**What to expect.** Written before measuring: tens of steps on random graphs near the threshold,
about n / 2 on the ring.

**Ways to fake it.** As a baseline: clearing n marks for each query, or searching from one end.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.connectivity.substrate.bfs_structure import SEARCH
from adabench.workloads.algorithms.connectivity.substrate.replay import Connectivity, Service
from adabench.workloads.algorithms.connectivity.substrate.update_streams import Stream

CARD = Card(
    title="Bidirectional search per query",
    paper="Pohl, Bi-directional search, 1971",
    adapts="nothing: each query searches the graph",
    role="static",
)


def solve(task: Connectivity, case: Stream, point: Point) -> Service:
    """Serve the stream."""
    return task.serve(case, *SEARCH)

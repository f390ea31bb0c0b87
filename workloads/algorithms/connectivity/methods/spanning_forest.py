"""A maintained spanning forest with a search for replacement edges: the backstop.

Fully dynamic, without predictions. Component labels answer a query with two reads; deleting a
tree edge searches both halves in turn until the smaller one is exhausted, then that half's
spare edges for a replacement (`dynamic_forest.py`). No bound better than O(m) per update holds: its
cost is the smaller side of a cut tree.

**What to expect.** Written before measuring: cheap on random graphs near the threshold (a cut
leaves small sides), some n / 4 steps per cut on the ring, where halves are halves.

**Ways to fake it.** Relabelling in bulk that is not counted; a search of one side only, which is
lucky half of the time.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.connectivity.substrate.dynamic_forest import FOREST
from adabench.workloads.algorithms.connectivity.substrate.replay import Connectivity, Service
from adabench.workloads.algorithms.connectivity.substrate.update_streams import Stream

CARD = Card(
    title="Maintained spanning forest",
    paper="Frederickson, Data structures for on-line updating of minimum spanning trees, 1985",
    adapts="nothing: a cut tree is mended from its smaller side",
    role="static",
    fidelity="special-case",
)


def solve(task: Connectivity, case: Stream, point: Point) -> Service:
    """Serve the stream."""
    return task.serve(case, *FOREST)

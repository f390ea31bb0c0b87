"""Oracle: told all paths of a scene, it traces those and no other.

Nobody can find all paths with fewer candidates. Exact: hit rate and accuracy are 1 by construction.

**Ways to fake it.** Selling it as a search.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case, Ints, Query

CARD = Card(
    title="Oracle: the paths themselves",
    paper="our own bound",
    adapts="which candidates are traced: the right ones",
    role="oracle",
    oracle="exact",
)


def solve(task: RayPaths, case: Case, point: Point) -> Tracing:
    """Trace what is known to be right."""
    known = iter(task.truth(case))

    def right(query: Query) -> Ints:
        return next(known)

    return task.trace(case, right)

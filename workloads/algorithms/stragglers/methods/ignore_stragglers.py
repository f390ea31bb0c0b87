"""Ignore stragglers: no code; whoever is late is left out of the gradient.

What many systems do under names like "drop-last workers". It needs no repetition and never
waits, and its gradient is not the full one: `delivered` is the share of the data that it
covers, and `optimality` is scaled by it. The master may rescale what it has; that makes the
gradient unbiased only if who is late has nothing to do with the data, and a part that sits on
a worker in a long burst is unseen for as long as that lasts.

**What to expect.** Written before measuring. The least time of all schemes with stragglers (each
round at most (1 + mu) times the fastest), `delivered` near the share of good rounds: 0.99 for short
bursts, 0.97 for the two hostile families.

**Ways to fake it.** Reporting its time without what it leaves out.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.stragglers.substrate.delay_models import Case
from adabench.workloads.algorithms.stragglers.substrate.replay import Replay, Stragglers
from adabench.workloads.algorithms.stragglers.substrate.scheme import STOP, OwnParts

CARD = Card(
    title="Ignore stragglers",
    paper="none: industrial practice",
    adapts="nothing: late results are dropped, whoever's they are",
    role="static",
)


def solve(task: Stragglers, case: Case, point: Point) -> Replay:
    """Run all jobs, inexactly."""
    scheme = OwnParts(case.n, lambda view, orders, late: STOP)
    return task.run(case, scheme, exact=False)

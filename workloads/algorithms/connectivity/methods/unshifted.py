"""The ablation: the lifted recursion on a time tree that is not shifted.

Without the random shift an adversary knows where the tree's large nodes meet. Dyadic streams
delete 64 edges in a row just before multiples of 512 and predict them for the multiple: errors
of at most 64, each of which repairs a node of 512 leaves or more.

**What to expect.** Written before measuring: at noise 100 (which lets the adversary move all 64)
at least twice the unions of the shifted tree, as a geometric mean over seeds; on the other
families no difference. One shift serves a whole stream, and the boundaries are all alike
modulo 512, so single seeds vary much: some shifts are as bad as none.

**Ways to fake it.** Dyadic streams whose error is larger than stated; a shift that is redrawn.
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
    title="Lifted recursion without the random shift",
    adapts="what is rebuilt, on predictions, with the time tree where the adversary expects it",
    role="control",
    conditions={"noise": 100.0, "n": 1000},
)


def solve(task: Connectivity, case: Stream, point: Point) -> Service:
    """Serve the stream with the predictions as given and no shift."""
    return task.serve(
        case, lift_update, lift_query, lambda start: lifted_recursion(start, "none"), hints="given"
    )

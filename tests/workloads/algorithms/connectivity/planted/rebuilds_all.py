"""Planted: right answers, but the whole path is rebuilt at each update."""

from adabench.harness.contract.card import Bound, Card, Claim
from adabench.workloads.algorithms.connectivity.substrate import lifting
from adabench.workloads.algorithms.connectivity.substrate.update_loop import hook

CARD = Card(
    title="rebuilds all",
    adapts="nothing it should",
    paper="none",
    claims=(
        Claim(
            id="PU-1-bound",
            says="With exact predictions every node is entered once.",
            source="theorem",
            paper="O(log T)",
            effect=None,
            expect=Bound("unions", "perfect_bound", where={"noise": 0.0}),
        ),
    ),
)


@hook
def update(net, lift, t, edge, opens, hint):
    if not opens and lift.end[edge] <= t:
        lift.end[edge] = net.horizon
    lifting.lift_update(net, lift, t, edge, opens, hint)


def solve(task, case, point):
    return task.serve(case, update, lifting.lift_query, lifting.lifted_recursion, hints="given")

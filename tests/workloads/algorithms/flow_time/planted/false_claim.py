"""Planted: claims op-SRPT's bound for a queue that never sets a job aside."""

from adabench.harness.contract.card import Bound, Card, Claim, Ratio
from adabench.workloads.algorithms.flow_time.methods.fifo import choose, hear

CARD = Card(
    title="false claim",
    adapts="nothing",
    paper="none",
    claims=(
        Claim("X-1", "It is SRPT.", "1", Ratio("flow", against="srpt", high=1.0, every=True)),
        Claim("X-2", "It keeps 2.", "2", Bound("flow", "obligatory_bound")),
    ),
)


def solve(task, case, point):
    return task.replay(case, hear, choose, notes=1, sees="nothing")

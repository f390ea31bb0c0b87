"""Planted: claims op-SRPT's bound for a queue that never sets a job aside."""

from adabench.harness.contract.card import Bound, Card, Claim, Ratio
from adabench.workloads.algorithms.flow_time.methods.fifo import choose
from adabench.workloads.algorithms.flow_time.substrate.policy_view import ignore

CARD = Card(
    title="false claim",
    adapts="nothing",
    paper="none",
    claims=(
        Claim(
            id="X-1",
            says="It is SRPT.",
            source="check",
            paper="1",
            effect=None,
            expect=Ratio("flow", against="srpt", high=1.0, every=True),
        ),
        Claim(
            id="X-2",
            says="It keeps 2.",
            source="theorem",
            paper="2",
            effect=None,
            expect=Bound("flow", "obligatory_bound"),
        ),
    ),
)


def solve(task, case, point):
    return task.replay(case, ignore, choose, notes=1, sees="nothing")

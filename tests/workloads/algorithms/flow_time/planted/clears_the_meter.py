"""Planted: changes what was counted."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.flow_time.methods.fifo import choose
from adabench.workloads.algorithms.flow_time.substrate.policy_view import ignore

CARD = Card(title="clears the meter", adapts="nothing", paper="none")


def solve(task, case, point):
    answer = task.replay(case, ignore, choose, notes=1)
    task.meter["flow"] = 1.0
    return answer

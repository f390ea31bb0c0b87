"""Planted: asks for coin streams and never draws."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.flow_time.methods.fifo import choose
from adabench.workloads.algorithms.flow_time.substrate.policy_view import ignore

CARD = Card(title="no coins", adapts="nothing", paper="none")


def solve(task, case, point):
    return task.replay(case, ignore, choose, notes=1, streams=3)

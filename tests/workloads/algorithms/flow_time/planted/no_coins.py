"""Planted: asks for coin streams and never draws."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.flow_time.methods.fifo import choose, hear

CARD = Card(title="no coins", adapts="nothing", paper="none")


def solve(task, case, point):
    return task.replay(case, hear, choose, notes=1, streams=3)

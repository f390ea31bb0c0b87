"""Planted: goes on without late parts that it needs."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.stragglers.substrate.scheme import STOP, OwnParts

CARD = Card(title="never waits", adapts="on the future", paper="none")


def solve(task, case, point):
    return task.run(case, OwnParts(case.n, lambda *late: STOP))

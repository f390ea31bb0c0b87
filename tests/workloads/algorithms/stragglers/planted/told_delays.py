"""Planted: asks to be told the delays, which is for oracles."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.stragglers.substrate.scheme import WAIT, OwnParts

CARD = Card(title="told delays", adapts="on the future", paper="none")


def solve(task, case, point):
    return task.run(case, OwnParts(case.n, lambda *late: WAIT), foresight=True)

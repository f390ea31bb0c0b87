"""Planted: writes a shorter time into the meter."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.stragglers.substrate.scheme import WAIT, OwnParts

CARD = Card(title="clears the meter", adapts="on the future", paper="none")


def solve(task, case, point):
    answer = task.run(case, OwnParts(case.n, lambda *late: WAIT))
    task.meter["time"] /= 2
    return answer

"""Planted: writes a shorter time into the meter."""

from adabench.harness.contract.card import Card
from tests.workloads.algorithms.stragglers.plain_scheme import Plain

CARD = Card(title="clears the meter", adapts="on the future", paper="none")


def solve(task, case, point):
    answer = task.run(case, Plain(case.n))
    task.meter["time"] /= 2
    return answer

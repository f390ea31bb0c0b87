"""Planted: writes a shorter time into the meter."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.stragglers.substrate.scheme import (
    WAIT,
    Group,
    Layout,
    Orders,
    own_job,
)

CARD = Card(title="clears the meter", adapts="on the future", paper="none")


class Plain:
    """Waits for all."""

    delay = 0

    def __init__(self, n):
        self.layout = Layout((Group(1.0, n),))

    def assign(self, view):
        return Orders(*own_job(view))

    def decide(self, view, orders, late):
        return WAIT


def solve(task, case, point):
    answer = task.run(case, Plain(case.n))
    task.meter["time"] /= 2
    return answer

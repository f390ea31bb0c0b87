"""Planted: asks to be told the delays, which is for oracles."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.stragglers.substrate.scheme import (
    WAIT,
    Group,
    Layout,
    Orders,
    own_job,
)

CARD = Card(title="told delays", adapts="on the future", paper="none")


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
    return task.run(case, Plain(case.n), foresight=True)

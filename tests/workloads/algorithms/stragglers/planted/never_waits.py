"""Planted: goes on without late parts that it needs."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.stragglers.substrate.scheme import (
    STOP,
    Group,
    Layout,
    Orders,
    own_job,
)

CARD = Card(title="never waits", adapts="on the future", paper="none")


class Plain:
    """Waits for nobody."""

    delay = 0

    def __init__(self, n):
        self.layout = Layout((Group(1.0, n),))

    def assign(self, view):
        return Orders(*own_job(view))

    def decide(self, view, orders, late):
        return STOP


def solve(task, case, point):
    return task.run(case, Plain(case.n))

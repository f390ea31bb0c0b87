"""Planted: goes on without late parts that it needs."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.stragglers.substrate.scheme import STOP
from tests.workloads.algorithms.stragglers.plain_scheme import Plain

CARD = Card(title="never waits", adapts="on the future", paper="none")


class Hasty(Plain):
    """Waits for nobody."""

    decision = STOP


def solve(task, case, point):
    return task.run(case, Hasty(case.n))

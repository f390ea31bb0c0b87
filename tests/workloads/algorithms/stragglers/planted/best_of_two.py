"""Planted: tries two codes and answers with the faster one."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.stragglers.substrate.scheme import Group, Layout
from tests.workloads.algorithms.stragglers.plain_scheme import Plain

CARD = Card(title="best of two", adapts="on the future", paper="none")


class Doubled(Plain):
    """The same with every part coded twice."""

    def __init__(self, n):
        self.layout = Layout((Group(1.0, n, 1),))


def solve(task, case, point):
    answers = [task.run(case, scheme(case.n)) for scheme in (Doubled, Plain)]
    return answers[-1]

"""Planted: asks to be told the delays, which is for oracles."""

from adabench.harness.contract.card import Card
from tests.workloads.algorithms.stragglers.plain_scheme import Plain

CARD = Card(title="told delays", adapts="on the future", paper="none")


def solve(task, case, point):
    return task.run(case, Plain(case.n), foresight=True)

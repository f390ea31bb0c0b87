"""Planted: serves a case twice and answers with the second."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.connectivity.substrate import lifting

CARD = Card(title="twice", adapts="nothing", paper="none")


def solve(task, case, point):
    task.serve(
        case, lifting.lift_update, lifting.lift_query, lifting.lifted_recursion, hints="none"
    )
    return task.serve(
        case, lifting.lift_update, lifting.lift_query, lifting.lifted_recursion, hints="given"
    )

"""Planted: the true deletion times instead of the predictions."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.connectivity.substrate import lifting

CARD = Card(title="true ends", adapts="what it may not know", paper="none")


def solve(task, case, point):
    return task.serve(
        case, lifting.lift_update, lifting.lift_query, lifting.lifted_recursion, hints="true"
    )

"""Planted: the true deletion times instead of the predictions."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.connectivity.substrate.lifting import (
    lift_query,
    lift_update,
    lifted_recursion,
)

CARD = Card(title="true ends", adapts="what it may not know", paper="none")


def solve(task, case, point):
    return task.serve(case, lift_update, lift_query, lifted_recursion, hints="true")

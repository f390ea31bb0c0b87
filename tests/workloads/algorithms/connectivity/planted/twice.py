"""Planted: serves a case twice and answers with the second."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.connectivity.substrate.lifting import (
    lift_query,
    lift_update,
    lifted_recursion,
)

CARD = Card(title="twice", adapts="nothing", paper="none")


def solve(task, case, point):
    task.serve(case, lift_update, lift_query, lifted_recursion, hints="none")
    return task.serve(case, lift_update, lift_query, lifted_recursion, hints="given")

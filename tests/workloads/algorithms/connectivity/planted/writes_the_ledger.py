"""Planted: sets the ledger back."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.connectivity.substrate.lifting import (
    lift_query,
    lift_update,
    lifted_recursion,
)
from adabench.workloads.algorithms.connectivity.substrate.update_loop import hook

CARD = Card(title="writes the ledger", adapts="nothing", paper="none")


@hook
def update(net, lift, t, edge, opens, hint):
    lift_update(net, lift, t, edge, opens, hint)
    net.ledger[:] = 0


def solve(task, case, point):
    return task.serve(case, update, lift_query, lifted_recursion, hints="given")

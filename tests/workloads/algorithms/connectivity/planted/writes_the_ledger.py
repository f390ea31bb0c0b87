"""Planted: sets the ledger back."""

from adabench.harness.card import Card
from adabench.workloads.connectivity.engine import hook
from adabench.workloads.connectivity.lifting import lift_query, lift_update, lifted

CARD = Card(title="writes the ledger", adapts="nothing", paper="none")


@hook
def update(net, lift, t, edge, opens, hint):
    lift_update(net, lift, t, edge, opens, hint)
    net.ledger[:] = 0


def solve(task, case, point):
    return task.serve(case, update, lift_query, lifted, hints="given")

"""Planted: early deletions are noted but nothing is undone for them."""

from adabench.workloads.algorithms.connectivity.substrate import lifting
from adabench.workloads.algorithms.connectivity.substrate.update_loop import hook


@hook
def update(net, lift, t, edge, opens, hint):
    if not opens:
        lift.end[edge] = t
    lifting.lift_update(net, lift, t, edge, opens, hint)


@hook
def query(net, lift, a, b):
    return lifting.lift_query(net, lift, a, b)


def solve(task, case, point):
    return task.serve(case, update, query, lifting.lifted_recursion, hints="given")

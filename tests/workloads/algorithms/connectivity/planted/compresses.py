"""Planted: queries compress the paths of a union-find that is undone later."""

from adabench.workloads.algorithms.connectivity.substrate import lifting
from adabench.workloads.algorithms.connectivity.substrate.update_loop import hook


@hook
def query(net, lift, a, b):
    same = lifting.lift_query(net, lift, a, b)
    for x in (a, b):
        root = x
        while lift.uf.parent[root] != root:
            root = lift.uf.parent[root]
        if root != x:
            lift.uf.parent[x] = root
    return same


def solve(task, case, point):
    return task.serve(case, lifting.lift_update, query, lifting.lifted_recursion, hints="given")

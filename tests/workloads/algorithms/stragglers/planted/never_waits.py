"""Planted: goes on without late parts that it needs."""

from adabench.workloads.algorithms.stragglers.substrate.scheme import STOP, OwnParts


def solve(task, case, point):
    return task.run(case, OwnParts(case.n, lambda *late: STOP))

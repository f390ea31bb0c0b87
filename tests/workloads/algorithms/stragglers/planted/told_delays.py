"""Planted: asks to be told the delays, which is for oracles."""

from adabench.workloads.algorithms.stragglers.substrate.scheme import WAIT, OwnParts


def solve(task, case, point):
    return task.run(case, OwnParts(case.n, lambda *late: WAIT), foresight=True)

"""Planted: tries two codes and answers with the faster one."""

from adabench.workloads.algorithms.stragglers.substrate.scheme import WAIT, OwnParts


def solve(task, case, point):
    schemes = [OwnParts(case.n, lambda *late: WAIT, s) for s in (1, 0)]
    return [task.run(case, scheme) for scheme in schemes][-1]

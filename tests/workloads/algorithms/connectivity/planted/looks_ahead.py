"""Planted: deletion times that it looks up in the case and learns as lifetimes."""

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate import lifting


def solve(task, case, point):
    gone = np.flatnonzero(case.opens == 0)
    table = np.full((4, lifting.AGES), 1 + int(gone[-1]) // 7, np.int32)
    return task.serve(
        case,
        lifting.lift_update,
        lifting.lift_query,
        lambda start: lifting.lifted_recursion(start, "random", table),
        hints="none",
    )

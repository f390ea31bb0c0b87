"""Planted: serves a case twice and answers with the second."""

from adabench.workloads.algorithms.connectivity.substrate import lifting


def solve(task, case, point):
    task.serve(case, *lifting.LIFTED, hints="none")
    return task.serve(case, *lifting.LIFTED, hints="given")

"""Planted: asks for predictions and does not listen."""

from adabench.workloads.algorithms.connectivity.substrate.rebuild_structure import REBUILD
from adabench.workloads.algorithms.connectivity.substrate.replay import Connectivity


def solve(task: Connectivity, case, point):
    return task.serve(case, *REBUILD, hints="given")

"""Names what a method has no business with."""

import gc

from adabench.workloads.algorithms.shortest_paths.methods.bibfs import as_given
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import hook
from adabench.workloads.algorithms.shortest_paths.truth.distances import exact


@hook
def answer(graph, index, space, inner, epoch, s, t):
    graph.ledger[0] = 0
    return 1


def solve(task, case, point):
    task.meter.clear()
    gc.collect()
    return task.truth(case), exact, as_given

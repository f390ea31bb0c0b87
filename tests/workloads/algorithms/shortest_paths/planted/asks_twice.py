"""The better of two methods, each asked for all pairs."""

from adabench.workloads.algorithms.shortest_paths.substrate.bfs import between
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import hook


@hook
def answer(graph, index, space, inner, epoch, s, t):
    return between(graph, space, epoch, s, t)


def solve(task, case, point):
    task.ask(case, answer)
    return task.ask(case, answer)

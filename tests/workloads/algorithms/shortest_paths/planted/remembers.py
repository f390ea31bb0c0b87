"""Answers from what it saw with earlier pairs."""

from adabench.workloads.algorithms.shortest_paths.substrate.bfs import between
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import hook


@hook
def answer(graph, index, space, inner, epoch, s, t):
    found = between(graph, space, epoch, s, t)
    return found if epoch % 2 else found + 1


def solve(task, case, point):
    return task.ask(case, answer)

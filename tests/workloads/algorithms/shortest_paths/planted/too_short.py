"""Claims that everything is near."""

from adabench.workloads.algorithms.shortest_paths.substrate.kernels import hook


@hook
def answer(graph, index, space, inner, epoch, s, t):
    return 2


def solve(task, case, point):
    return task.ask(case, answer)

"""Claims that everything is near."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import hook

CARD = Card(title="x", adapts="x", paper="x")


@hook
def answer(graph, index, space, inner, epoch, s, t):
    return 2


def solve(task, case, point):
    return task.ask(case, answer)

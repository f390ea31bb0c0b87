"""Claims that everything is near."""

from adabench.harness.card import Card
from adabench.workloads.shortest_paths.compiled import hook

CARD = Card(title="x", adapts="x", paper="x")


@hook
def answer(graph, index, space, inner, epoch, s, t):
    return 2


def solve(task, case, point):
    return task.ask(case, answer)

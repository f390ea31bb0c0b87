"""Answers from what it saw with earlier pairs."""

from adabench.harness.card import Card
from adabench.workloads.shortest_paths.compiled import hook
from adabench.workloads.shortest_paths.search import between

CARD = Card(title="x", adapts="x", paper="x")


@hook
def answer(graph, index, space, inner, epoch, s, t):
    found = between(graph, space, epoch, s, t)
    return found if epoch % 2 else found + 1


def solve(task, case, point):
    return task.ask(case, answer)

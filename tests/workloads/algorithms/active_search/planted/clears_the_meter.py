"""Planted: it asks for less than it asked."""

from adabench.harness.card import Card
from adabench.workloads.active_search.bandit import first_best

CARD = Card(title="Clears the meter", adapts="it cheats", paper="none")


class Least:
    def choose(self, board):
        return first_best(-board.counts.astype(float), board.coins)


def solve(task, case, point):
    answer = task.play(case, Least())
    task.meter["queries"] = 1.0
    return answer

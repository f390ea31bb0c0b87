"""Planted: it asks for less than it asked."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.active_search.substrate.bandits import first_best

CARD = Card(title="Clears the meter", adapts="it cheats", paper="none")


class Least:
    def choose(self, board):
        return first_best(-board.counts.astype(float), board.coins)


def solve(task, case, point):
    answer = task.play(case, Least())
    task.meter["queries"] = 1.0
    return answer

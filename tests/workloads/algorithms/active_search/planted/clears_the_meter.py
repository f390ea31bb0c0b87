"""Planted: it asks for less than it asked."""

from adabench.workloads.algorithms.active_search.substrate.bandits import first_best


class Least:
    def choose(self, board):
        return first_best(-board.counts.astype(float), board.coins)


def solve(task, case, point):
    answer = task.play(case, Least())
    task.meter["queries"] = 1.0
    return answer

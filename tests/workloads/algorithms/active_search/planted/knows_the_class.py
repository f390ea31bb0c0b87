"""Planted: it asks by the name of the case."""

from adabench.workloads.algorithms.active_search.substrate.bandits import first_best


class Cheat:
    def __init__(self, easy):
        self.easy = easy

    def choose(self, board):
        return first_best(
            -board.counts.astype(float), 1 - board.coins if self.easy else board.coins
        )


def solve(task, case, point):
    return task.play(case, Cheat(case.group == "easy"))

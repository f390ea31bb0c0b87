"""Planted: it plays twice and answers with one."""

from adabench.workloads.algorithms.active_search.substrate.bandits import first_best


class Least:
    def __init__(self, sign):
        self.sign = sign

    def choose(self, board):
        return first_best(self.sign * board.counts.astype(float), board.coins)


def solve(task, case, point):
    task.play(case, Least(1))
    return task.play(case, Least(-1))

"""Planted: it asks for all paths, which is for oracles."""


def solve(task, case, point):
    return task.trace(case, iter(task.truth(case)).__next__)

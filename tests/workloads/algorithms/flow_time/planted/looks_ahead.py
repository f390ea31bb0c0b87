"""Planted: takes the true sizes out of the task's books and hands them over as its floats."""

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.flow_time.substrate.policy_view import hook, run

CARD = Card(title="looks ahead", adapts="on the future", paper="none")


@hook
def hear(machine, notes, weights, job, what):
    pass


@hook
def choose(machine, notes, weights):
    best = machine.jobs[0]
    for i in range(machine.ledger[0]):
        job = machine.jobs[i]
        if weights[job] - machine.attained[job] < weights[best] - machine.attained[best]:
            best = job
    run(machine, best)


def solve(task, case, point):
    cells = task._ledger.find.__closure__
    for cell in cells:
        if isinstance(cell.cell_contents, list):
            for stream in cell.cell_contents:
                if stream.case is case:
                    sizes = np.array(stream.totals)
    return task.replay(case, hear, choose, weights=sizes)

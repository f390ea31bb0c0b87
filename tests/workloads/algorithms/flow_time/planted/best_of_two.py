"""Planted: runs every case in two ways and answers with the better."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.flow_time.methods import fifo, round_robin

CARD = Card(title="best of two", adapts="nothing", paper="none")


def solve(task, case, point):
    queue = task.replay(case, fifo.hear, fifo.choose, notes=1)
    robin = task.replay(case, round_robin.hear, round_robin.choose, notes=1)
    better = fifo if queue.flow.sum() < robin.flow.sum() else round_robin
    return task.replay(case, better.hear, better.choose, notes=1)

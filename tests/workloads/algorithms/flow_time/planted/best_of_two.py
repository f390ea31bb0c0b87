"""Planted: runs every case in two ways and answers with the better."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.flow_time.methods import fifo, round_robin
from adabench.workloads.algorithms.flow_time.substrate.policy_view import ignore

CARD = Card(title="best of two", adapts="nothing", paper="none")


def solve(task, case, point):
    queue = task.replay(case, ignore, fifo.choose, notes=1)
    robin = task.replay(case, ignore, round_robin.choose, notes=1)
    better = fifo if queue.flow.sum() < robin.flow.sum() else round_robin
    return task.replay(case, ignore, better.choose, notes=1)

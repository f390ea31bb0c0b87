"""Planted: asks for the true sizes, in two halves of a word."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.flow_time.methods.srpt import choose, hear
from adabench.workloads.algorithms.flow_time.substrate.heap import heap_size

CARD = Card(title="told totals", adapts="nothing", paper="none")


def solve(task, case, point):
    size = heap_size(case.n_jobs)
    return task.replay(case, hear, choose, notes=size, weights=case.n_jobs, sees="tot" + "als")

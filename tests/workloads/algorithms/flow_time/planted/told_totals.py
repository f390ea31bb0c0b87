"""Planted: asks for the true sizes, in two halves of a word."""

from adabench.harness.card import Card
from adabench.workloads.flow_time.heap import heap_size
from adabench.workloads.flow_time.srpt import choose, hear

CARD = Card(title="told totals", adapts="nothing", paper="none")


def solve(task, case, point):
    size = heap_size(case.n_jobs)
    return task.replay(case, hear, choose, notes=size, weights=case.n_jobs, sees="tot" + "als")

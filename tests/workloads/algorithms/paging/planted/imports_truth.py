"""Planted: computes the whole future itself, by the task's own code."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.methods.fifo import fault, serve
from adabench.workloads.algorithms.paging.truth.hindsight import phase_bits

CARD = Card(title="imports truth", adapts="on the future", paper="none")


def solve(task, case, point):
    bits = phase_bits(case.pages, case.slots, case.n_pages)
    return task.replay(case, fault, serve, notes=1 + int(bits.sum()))

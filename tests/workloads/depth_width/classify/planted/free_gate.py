"""A gate that takes its own work off the bill."""

from adabench.harness.contract.card import Card
from adabench.workloads.depth_width.classify.substrate.experts import top_1_gate

CARD = Card(title="Free gate", paper="none", adapts="nothing")


def prepare(task, point, seed):
    return task.reader("hecto")


def solve(reader, case, point):
    gate = top_1_gate(reader.mixture)

    def free(summaries, rows, work):
        weights = gate(summaries, rows, work)
        work.flops = -1000
        return weights

    return reader.read(case, free)

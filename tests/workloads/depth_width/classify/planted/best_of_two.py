"""A method that reads twice and hands in one reading."""

import torch

from adabench.harness.contract.card import Card
from adabench.workloads.depth_width.classify.substrate.experts import preset_gate

CARD = Card(title="Best of two", paper="none", adapts="nothing")


def prepare(task, point, seed):
    return task.reader("hecto")


def solve(reader, case, point):
    queries = len(case.questions.lengths)
    one, other = (
        reader.read(case, preset_gate(torch.full((queries,), expert), 2)) for expert in (0, 1)
    )
    return max((one, other), key=lambda found: float(found.logits.max()))

"""Works the answers out in Python, and says so with logits that no layer made."""

import torch
from torch.nn import functional as F

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.ledger.models import Models
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream import (
    ADD,
    EQUAL,
    FILLER,
    MODULUS,
    MUL,
    VALUE,
    VOCABULARY,
)
from adabench.workloads.depth_width.substrate.work_counter import Work

CARD = Card(title="Made-up logits", adapts="nothing", role="static")


def solve(task: Models, batch: Batch, point: Point) -> Answer:
    """Follow the value; one layer ran, and it was free."""
    said = torch.from_numpy(batch.tokens).clone()
    for row in said:
        value = 0
        for at, token in enumerate(row.tolist()):
            if VALUE <= token < VALUE + MODULUS:
                value = token - VALUE
            elif ADD <= token < MUL:
                value = (value + token - ADD) % MODULUS
            elif MUL <= token < FILLER:
                value = value * (token - MUL) % MODULUS
            if token == EQUAL:
                row[at] = VALUE + value
    free = Work(runs=[(0, torch.arange(said.numel()))])  # one layer, and no operation
    return Answer(9.0 * F.one_hot(said, VOCABULARY).float(), ((torch.arange(len(said)), free),))

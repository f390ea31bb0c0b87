"""What experts did on calibration texts: how often each ran, and what its output weighed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.workloads.moe.experts.substrate.passage_bench import PassageBench
from adabench.workloads.moe.substrate.expert_layer import segment_product
from adabench.workloads.moe.substrate.expert_sum import pairs_of
from adabench.workloads.shared.training.checkpoints import one_thread

COUNT = 32
"""Passages of each domain."""


@dataclass(frozen=True)
class ExpertStatistics:
    """Of one layer's experts."""

    load: Tensor
    """Rows that each multiplied, [E]."""
    weight: Tensor
    """Sums over those rows of the gate's weight times the norm of the output, [E]."""


@torch.no_grad()
def statistics(bench: PassageBench) -> list[ExpertStatistics]:
    """Return, by layer, what the trained experts did on all domains' calibration texts."""
    model = bench.model()
    experts = model.shape.experts
    load = torch.zeros(model.shape.layers, experts)
    weight = torch.zeros_like(load)

    def watch(place: int, rows: Tensor, mixed: Tensor) -> None:
        pairs = pairs_of(mixed)
        norms = model.layers[place].outputs(rows, pairs, segment_product).norm(dim=1)
        load[place] += torch.tensor(pairs.sizes, dtype=load.dtype)
        weight[place].index_add_(0, pairs.expert, norms * mixed[pairs.row, pairs.expert])

    with one_thread():
        for tokens in bench.calibration(COUNT):
            model(tokens, watch=watch)
    return [ExpertStatistics(*both) for both in zip(load, weight, strict=True)]

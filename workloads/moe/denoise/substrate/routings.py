"""How an arm routes: token choice, or expert choice by a schedule, for passages with these shares hidden."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.workloads.moe.denoise.recipes import CHOSEN, FEWEST, MOST, TOKEN_ARMS
from adabench.workloads.moe.denoise.substrate.expert_choice import (
    capacity,
    choose,
    experts_a_byte,
    token_weights,
)
from adabench.workloads.moe.substrate.expert_layer import Route


def token_route(offsets: Tensor | None = None, chosen: int = CHOSEN) -> Route:
    """Return token choice: every position takes its likeliest experts, by chances and the offsets [layers, E] that balance them."""
    return lambda layer, scores: token_weights(
        scores, chosen, None if offsets is None else offsets[layer]
    )


@dataclass(frozen=True)
class ExpertRoute:
    """Expert choice with so many experts a byte, of each sequence."""

    each: Sequence[int]
    length: int
    looks_ahead = True
    """An expert chooses among all bytes of a passage: a causal model may not be read with it."""

    def __call__(self, layer: int, scores: Tensor) -> Tensor:
        """Return the weights of experts, [B T, E]."""
        del layer
        experts = scores.shape[-1]
        capacities = torch.tensor([capacity(self.length, k, experts) for k in self.each])
        return choose(scores.view(len(self.each), self.length, experts), capacities).flatten(0, 1)


def scheduled(schedule: str, ratios: Sequence[float]) -> list[int]:
    """Return the experts a byte of sequences with these shares hidden."""
    return [experts_a_byte(schedule, ratio, FEWEST, MOST) for ratio in ratios]


def arm_route(
    arm: str, ratios: Sequence[float], length: int, offsets: Tensor | None = None
) -> Route:
    """Return how an arm is trained and read."""
    if arm in TOKEN_ARMS:
        return token_route(offsets)
    return ExpertRoute(scheduled("static" if arm == "retrofit" else arm, ratios), length)

"""How gates over ordered learners are trained: sampled choices, and the price of a budget."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate.learners import LEARNERS

TAU = 0.8
PRICE, ENTROPY, DIVERSITY = 4.0, 0.05, 0.05


def sampled(logits: Tensor, noise: float) -> Tensor:
    """Return one-hot choices [..., N + 1], drawn with `noise` (0: the likeliest), straight through.

    The gradient is that of the softmax at tau of the logits and the same noise.
    """
    drawn = -torch.empty_like(logits).exponential_().clamp_min(1e-20).log()  # Gumbel
    soft = ((logits + noise * drawn) / TAU).softmax(-1)
    hard = F.one_hot(soft.argmax(-1), LEARNERS + 1).to(soft.dtype)
    return hard + soft - soft.detach()


def taken(chosen: Tensor) -> Tensor:
    """Return which learners run, [..., N], from one-hot choices of 0..N [..., N + 1]."""
    return chosen[..., 1:].flip(-1).cumsum(-1).flip(-1)


def budget(gates: Tensor, target: float) -> Tensor:
    """Return the price of choices [modules, B, T, N + 1]: load, entropy and diversity."""
    loads = taken(gates).mean((0, 2, 3))  # [B]
    means = gates.mean(2).clamp_min(1e-9)
    entropy = -(means * means.log()).sum(-1).mean() / math.log(LEARNERS + 1)
    apart = (loads[:, None] - loads).abs().mean()
    over = (loads.mean() - target).abs()
    return PRICE * over - ENTROPY * entropy - 2 * DIVERSITY * apart

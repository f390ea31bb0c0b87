"""The forward of the base with an adapter in it, counted where it happens.

FLOPs are two a multiply-add: of the forward, and in training of the backward, which multiplies once more for
each factor that a gradient is wanted of. Element-wise work is left out.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.moe.adapters.substrate.adapter import Adapter
from adabench.workloads.moe.adapters.substrate.base_model import (
    HEAD,
    HEADS,
    LAYERS,
    WIDTH,
    Base,
    Site,
)

EPS = 1e-6


@dataclass
class Work:
    """What was done since it was made: written down by the forward, never by a method."""

    flops: int = 0
    tokens: int = 0
    rows: int = 0
    """Rows that met a layer of experts, summed over such layers."""
    pairs: int = 0
    """Of a row and an expert that was really multiplied."""
    offered: int = 0
    """Of a row and an expert that there is."""
    active: list[Tensor] = field(default_factory=list)
    """Out of training: the experts that each row ran, [rows], at one site after another."""


@dataclass
class Gate:
    """What a router said in one pass at one site."""

    site: Site
    chances: Tensor
    """[rows, experts]"""
    weights: Tensor
    """[rows, experts]: 0 where an expert did not run."""


@dataclass
class Pass:
    """One forward: what rules get beside their input."""

    base: Base
    tokens: Tensor
    """[sequences, tokens]"""
    tasks: Tensor
    """[sequences]: for routers that go by the task."""
    work: Work
    training: bool = False
    generator: torch.Generator | None = None
    """For rules that draw."""
    gates: list[Gate] = field(default_factory=list)

    memo: dict[str, Any] = field(default_factory=dict, init=False)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what a rule needs at several sites and makes at the first."""
        if name not in self.memo:
            self.memo[name] = make()
        return self.memo[name]

    @cached_property
    def several(self) -> tuple[Tensor, Tensor]:
        """Return the tasks that occur, and which of them each sequence is of."""
        several, place = self.tasks.unique(return_inverse=True)
        return several, place

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Multiply x [..., in] by a weight [out, in], and count it."""
        self.count(x.numel() // x.shape[-1] * weight.numel(), x, weight)
        return F.linear(x, weight, bias)

    def each(self, x: Tensor, weight: Tensor) -> Tensor:
        """Multiply each sequence of x [b, t, in] by its own weight [b, in, out], and count it."""
        self.count(x.shape[1] * weight.numel(), x, weight)
        return torch.bmm(x, weight)

    def frozen(self, site: Site, x: Tensor) -> Tensor:
        """Return what the base gives at a site."""
        return self.product(x, *self.base.linear(site.name))

    def count(self, multiply_adds: int, *factors: Tensor) -> None:
        """Count a product, with its backward where gradients of its factors are wanted."""
        wanted = sum(factor.requires_grad for factor in factors) if self.training else 0
        self.work.flops += 2 * multiply_adds * (1 + wanted)


def forward(step: Pass, adapter: Adapter) -> Tensor:
    """Return the logits of every position, [sequences, tokens, classes]."""
    weights, base = adapter.weights, step.base
    step.work.tokens += step.tokens.numel()
    x = base.weights["embed"][step.tokens] + base.weights["position"][: step.tokens.shape[1]]
    x = adapter.state(weights, "embedded", x, step)
    for layer in range(LAYERS):
        added = _attention(step, adapter, layer, _normed(base, f"{layer}.norm_1", x))
        x = x + adapter.state(weights, f"{layer}.attention", added, step)
        added = _mlp(step, adapter, layer, _normed(base, f"{layer}.norm_2", x))
        x = x + adapter.state(weights, f"{layer}.mlp", added, step)
    return step.product(_normed(base, "norm", x), *base.linear(HEAD))


def _normed(base: Base, name: str, x: Tensor) -> Tensor:
    return F.rms_norm(x, (WIDTH,), base.weights[name], EPS)


def _attention(step: Pass, adapter: Adapter, layer: int, x: Tensor) -> Tensor:
    q, k, v = (adapter.linear(adapter.weights, Site(layer, kind), x, step) for kind in "qkv")
    k = adapter.state(adapter.weights, f"{layer}.keys", k, step)
    v = adapter.state(adapter.weights, f"{layer}.values", v, step)
    tokens, stored = q.shape[1], k.shape[1]
    # What a prefix adds stands before all tokens, and all of them see it.
    mask = torch.ones(tokens, stored, dtype=torch.bool).tril(stored - tokens)
    step.count(q.shape[0] * tokens * stored * WIDTH, q, k)
    scores = _by_head(q) @ _by_head(k).transpose(2, 3) / math.sqrt(WIDTH // HEADS)
    chances = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    step.count(q.shape[0] * tokens * stored * WIDTH, chances, v)
    mixed = (chances @ _by_head(v)).transpose(1, 2).reshape(q.shape)
    return adapter.linear(adapter.weights, Site(layer, "o"), mixed, step)


def _by_head(x: Tensor) -> Tensor:
    """Return [b, t, d] as [b, heads, t, d / heads]."""
    return x.reshape(x.shape[0], x.shape[1], HEADS, -1).transpose(1, 2)


def _mlp(step: Pass, adapter: Adapter, layer: int, x: Tensor) -> Tensor:
    hidden = F.gelu(adapter.linear(adapter.weights, Site(layer, "up"), x, step))
    hidden = adapter.state(adapter.weights, f"{layer}.hidden", hidden, step)
    return adapter.linear(adapter.weights, Site(layer, "down"), hidden, step)

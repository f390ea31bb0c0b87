"""The forward of the base with an adapter in it."""

import math
from dataclasses import replace

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
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass

EPS = 1e-6


def forward(step: Pass, adapter: Adapter) -> Tensor:
    """Return the logits of every position, [sequences, tokens, classes]."""
    if adapter.own_base is not None:
        step = replace(step, base=adapter.own_base(adapter.weights, step.base))
    weights, base = adapter.weights, step.base
    step.work.tokens += step.tokens.numel()
    x = base.weights["embed"][step.tokens] + base.weights["position"][: step.tokens.shape[1]]
    x = adapter.state(weights, "embedded", x, step)
    for layer in range(LAYERS):
        added = _attention(step, adapter, layer, _normed(base, f"{layer}.norm_1", x))
        x = x + adapter.state(weights, f"{layer}.attention", added, step)
        added = _mlp(step, adapter, layer, _normed(base, f"{layer}.norm_2", x))
        x = x + adapter.state(weights, f"{layer}.mlp", added, step)
    own = x[:, -step.tokens.shape[1] :]
    return step.product(_normed(base, "norm", own), *base.linear(HEAD))


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

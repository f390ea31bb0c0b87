"""SmolLM2's upper layers as a frozen base: on states of texts, to a choice between two words.

    states of a text at layer 20 -> 10 layers -> norm -> the rows of " no" and " yes"

A sequence has one token, the number of a text; what the layers below make of it was computed once for all methods
(`text-states`). So nothing that is learned changes how words are read, and an adapter has a third of the layers to act in.
Adapters act on q, v and o of each layer, alpha twice the rank, by the same rules as in the suite. Frozen products are
in bfloat16, all else in single precision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from adabench.workloads.moe.adapters.substrate.adapter import Adapter
from adabench.workloads.moe.adapters.substrate.base_model import Base, Site
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass

LOWER = 20
"""Layers that run once."""
ADAPTED = ("q", "v", "o")
SCALE = 2.0
"""Alpha over the rank."""
READING = 32
"""Texts that are read in one pass, by length; as many are timed as half of it."""
_LINEARS = {
    "q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj",
    "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj",
}  # fmt: skip
_NORMS = {"norm_1": "input_layernorm", "norm_2": "post_attention_layernorm"}


def text_base(
    model: Any,
    stored: Mapping[str, Tensor],
    trained_on: int,
    lower: int = LOWER,
    dtype: torch.dtype = torch.bfloat16,
) -> Base:
    """Return the layers of a Llama above `lower`, on stored states, of which the first may be drawn from."""
    weights, sites = {}, []
    for place, layer in enumerate(model.model.layers[lower:]):
        for kind, name in _LINEARS.items():
            weight = layer.get_submodule(name).weight.detach()
            weights[f"{place}.{kind}"] = weight.to(dtype)
            sites.append(Site(place, kind, (weight.shape[1], weight.shape[0])))
        for kind, name in _NORMS.items():
            weights[f"{place}.{kind}"] = layer.get_submodule(name).weight.detach().float()
    weights["norm"] = model.model.norm.weight.detach().float()
    config = model.config
    heads, eps = config.num_attention_heads, config.rms_norm_eps
    theta = config.rope_parameters["rope_theta"]
    states = tuple(stored[f"{place:04}"] for place in range(sum(map(str.isdigit, stored))))
    upper = Upper(states, stored["words"].float(), tuple(sites), heads, theta, eps)
    adapted = tuple(site for site in sites if site.kind in ADAPTED)
    return Base(
        weights, adapted, trained_on, 1, 0, READING // 2, SCALE, dtype, passes=upper.forward
    )


@dataclass(frozen=True)
class Upper:
    """What a forward needs beside the weights of a base."""

    states: Sequence[Tensor]
    """[tokens, d] each"""
    words: Tensor
    """[2, d]"""
    sites: Sequence[Site]
    """Every linear, layer by layer."""
    heads: int
    theta: float
    eps: float

    def forward(self, step: Pass, adapter: Adapter) -> Tensor:
        """Return the logits of both words behind each text, [texts, 1, 2]."""
        numbers = step.tokens[:, 0].tolist()
        if step.training or len(numbers) <= READING:
            return self._together(step, adapter, [self.states[number] for number in numbers])
        order = sorted(range(len(numbers)), key=lambda row: len(self.states[numbers[row]]))
        found = torch.empty(len(numbers), 1, len(self.words))
        for first in range(0, len(order), READING):
            rows = order[first : first + READING]
            part = replace(step, tokens=step.tokens[rows], tasks=step.tasks[rows])
            found[rows] = self.forward(part, adapter)
        return found

    def _together(self, step: Pass, adapter: Adapter, states: Sequence[Tensor]) -> Tensor:
        lengths = torch.tensor([len(one) for one in states])
        x = pad_sequence([one.float() for one in states], batch_first=True)
        own = x.shape[1]
        x = adapter.state(adapter.weights, "embedded", x, step)
        last = lengths - 1 + x.shape[1] - own
        step.there = torch.arange(x.shape[1])[None] <= last[:, None]
        step.work.tokens += int(lengths.sum())
        weights, each = step.base.weights, len(_LINEARS)
        for first in range(0, len(self.sites), each):
            site = {one.kind: one for one in self.sites[first : first + each]}
            layer = site["q"].layer
            added = self._attention(
                step, adapter, site, self._normed(weights[f"{layer}.norm_1"], x)
            )
            x = x + adapter.state(adapter.weights, f"{layer}.attention", added, step)
            added = _mlp(step, adapter, site, self._normed(weights[f"{layer}.norm_2"], x))
            x = x + adapter.state(adapter.weights, f"{layer}.mlp", added, step)
        said = self._normed(weights["norm"], x[torch.arange(len(last)), last])
        return step.product(said, self.words)[:, None]

    def _normed(self, gain: Tensor, x: Tensor) -> Tensor:
        return F.rms_norm(x, gain.shape, gain, self.eps)

    def _attention(
        self, step: Pass, adapter: Adapter, site: Mapping[str, Site], x: Tensor
    ) -> Tensor:
        layer = site["q"].layer
        q, k, v = (_linear(step, adapter, site[kind], x) for kind in "qkv")
        k = adapter.state(adapter.weights, f"{layer}.keys", k, step)
        v = adapter.state(adapter.weights, f"{layer}.values", v, step)
        size, tokens, stored = q.shape[-1] // self.heads, q.shape[1], k.shape[1]
        q, k, v = (one.view(*one.shape[:2], -1, size).transpose(1, 2) for one in (q, k, v))
        turns = self._turns(stored, size)
        # What a prefix adds stands before all tokens, and all of them see it; padding stands behind.
        mask = torch.ones(tokens, stored, dtype=torch.bool).tril(stored - tokens)
        step.count(2 * q.numel() * stored, q, k)
        mixed = F.scaled_dot_product_attention(
            _turned(q, turns[:, stored - tokens :]), _turned(k, turns), v, mask, enable_gqa=True
        )
        return _linear(step, adapter, site["o"], mixed.transpose(1, 2).flatten(2))

    def _turns(self, length: int, size: int) -> Tensor:
        """Return cosines and sines of rotary positions, [2, length, size]."""
        rates = self.theta ** (-torch.arange(0, size, 2) / size)
        angles = torch.outer(torch.arange(length), rates).repeat(1, 2)
        return torch.stack([angles.cos(), angles.sin()])


def _turned(x: Tensor, turns: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * turns[0] + torch.cat([-second, first], dim=-1) * turns[1]


def _linear(step: Pass, adapter: Adapter, site: Site, x: Tensor) -> Tensor:
    if site.kind in ADAPTED:
        return adapter.linear(adapter.weights, site, x, step)
    return step.frozen(site, x)


def _mlp(step: Pass, adapter: Adapter, site: Mapping[str, Site], x: Tensor) -> Tensor:
    hidden = F.silu(step.frozen(site["gate"], x)) * step.frozen(site["up"], x)
    name = f"{site['up'].layer}.hidden"
    return step.frozen(site["down"], adapter.state(adapter.weights, name, hidden, step))

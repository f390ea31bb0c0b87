"""Adapters that act on states: soft prompts, prefixes, rescaling (IA3) and bottlenecks (Houlsby).

    prompt [m, d]                                 m vectors before the first word
    prefix.L.keys, prefix.L.values [m, d]         m keys and values before those of the words, in each layer
    scale.L.keys, .values [d], scale.L.hidden [4d]      factors, ones at first
    down.PLACE [b, d]   up.PLACE [d, b]           h + up gelu(down h) after attention and after the MLP

Prompts begin as words of the vocabulary and prefixes as the base's own keys and values of such words.
Rescaling can be merged into the weights; the others are run at each reading.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.moe.adapters.substrate.adapter import Adapter, Weights, forward
from adabench.workloads.moe.adapters.substrate.base_model import SITES, Base, Site
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import VOCABULARY
from adabench.workloads.moe.adapters.substrate.low_rank import kaiming

_SCALED = (("k", "keys", 0), ("v", "values", 0), ("down", "hidden", 1))
"""Linears that factors are merged into: what they scale, and along which side."""
_ADDED = ("attention", "mlp")


def fresh_prompt(length: int, base: Base, generator: torch.Generator) -> Adapter:
    """Return a prompt of words by lot."""
    words = torch.randint(VOCABULARY, (length,), generator=generator)
    return prompt({"prompt": base.weights["embed"][words].clone()})


def prompt(weights: dict[str, Tensor]) -> Adapter:
    """Return the prompt of given weights."""
    return Adapter(weights, state=_prepended)


def _prepended(weights: Weights, place: str, x: Tensor, step: Pass) -> Tensor:
    if place != "embedded":
        return x
    return torch.cat([weights["prompt"].expand(len(x), -1, -1), x], dim=1)


def fresh_prefix(length: int, base: Base, generator: torch.Generator) -> Adapter:
    """Return the base's keys and values of words by lot."""
    rows = -(-length // base.length)
    words = torch.randint(base.vocabulary, (rows, base.length), generator=generator)
    found: dict[str, Tensor] = {}

    def note(weights: Weights, place: str, x: Tensor, step: Pass) -> Tensor:
        if place.endswith((".keys", ".values")):
            found[f"prefix.{place}"] = x.flatten(0, 1)[:length].detach().clone()
        return x

    forward(Pass(base, words, torch.zeros(rows, dtype=torch.long), Work()), Adapter(state=note))
    return prefix(found)


def prefix(weights: dict[str, Tensor]) -> Adapter:
    """Return the prefix of given weights."""
    return Adapter(weights, state=_longer)


def _longer(weights: Weights, place: str, x: Tensor, step: Pass) -> Tensor:
    own = weights.get(f"prefix.{place}")
    return x if own is None else torch.cat([own.expand(len(x), -1, -1), x], dim=1)


def fresh_scales(base: Base) -> Adapter:
    """Return factors of one."""
    layers = 1 + max(site.layer for site in base.sites)
    return scales({
        f"scale.{layer}.{what}": torch.ones(base.weights[f"{layer}.{kind}"].shape[side])
        for layer in range(layers) for kind, what, side in _SCALED
    })  # fmt: skip


def scales(weights: dict[str, Tensor]) -> Adapter:
    """Return the rescaling of given weights."""
    return Adapter(weights, state=_scaled, merge=_scales_merged)


def _scaled(weights: Weights, place: str, x: Tensor, step: Pass) -> Tensor:
    own = weights.get(f"scale.{place}")
    return x if own is None else x * own


def _scales_merged(weights: Weights, base: Base) -> Base:
    own = dict(base.weights)
    for name, factor in weights.items():
        layer, what = name.removeprefix("scale.").split(".")
        kind, side = next((kind, side) for kind, of, side in _SCALED if of == what)
        place, bias = f"{layer}.{kind}", f"{layer}.{kind}.bias"
        own[place] = own[place] * factor if side else factor[:, None] * own[place]
        if bias in own and not side:
            own[bias] = factor * own[bias]
    return replace(base, weights=own)


def fresh_bottlenecks(
    width: int, generator: torch.Generator, sites: Sequence[Site] = SITES
) -> Adapter:
    """Return bottlenecks that change nothing yet."""
    weights = {}
    sizes = {site.layer: site.outer for site in sites if site.kind == "o"}
    for place, size in ((f"{at}.{part}", sizes[at]) for at in sizes for part in _ADDED):
        weights[f"down.{place}"] = kaiming((width, size), size, generator)
        weights[f"down.{place}.bias"] = torch.zeros(width)
        weights[f"up.{place}"] = torch.zeros(size, width)
        weights[f"up.{place}.bias"] = torch.zeros(size)
    return bottlenecks(weights)


def bottlenecks(weights: dict[str, Tensor]) -> Adapter:
    """Return the bottlenecks of given weights."""
    return Adapter(weights, state=_through)


def _through(weights: Weights, place: str, x: Tensor, step: Pass) -> Tensor:
    down, up = f"down.{place}", f"up.{place}"
    if down not in weights:
        return x
    inner = F.gelu(step.product(x, weights[down], weights[f"{down}.bias"]))
    return x + step.product(inner, weights[up], weights[f"{up}.bias"])

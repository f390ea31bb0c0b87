"""Adapters that act on states: soft prompts, prefixes, rescaling (IA3) and bottlenecks (Houlsby).

    prompt [m, d]                                 m vectors before the first word
    prefix.L.keys, prefix.L.values [m, d]         m keys and values before those of the words, in each layer
    scale.L.keys, .values [d], scale.L.hidden [4d]      factors, ones at first
    down.PLACE [b, d]   up.PLACE [d, b]           h + up gelu(down h) after attention and after the MLP

Prompts begin as words of the vocabulary and prefixes as the base's own keys and values of such words.
Rescaling can be merged into the weights; the others are run at each reading.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.moe.adapters.substrate.adapter import Adapter, Weights, forward
from adabench.workloads.moe.adapters.substrate.base_model import HIDDEN, LAYERS, WIDTH, Base
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import LENGTH, VOCABULARY, WORDS
from adabench.workloads.moe.adapters.substrate.low_rank import kaiming

PLACES = tuple(f"{layer}.{part}" for layer in range(LAYERS) for part in ("attention", "mlp"))


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
    rows = -(-length // (WORDS + LENGTH))
    words = torch.randint(VOCABULARY, (rows, WORDS + LENGTH), generator=generator)
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


def fresh_scales() -> Adapter:
    """Return factors of one."""
    sizes = {"keys": WIDTH, "values": WIDTH, "hidden": HIDDEN}
    return scales({
        f"scale.{layer}.{what}": torch.ones(size)
        for layer in range(LAYERS) for what, size in sizes.items()
    })  # fmt: skip


def scales(weights: dict[str, Tensor]) -> Adapter:
    """Return the rescaling of given weights."""
    return Adapter(weights, state=_scaled, merge=_scales_merged)


def _scaled(weights: Weights, place: str, x: Tensor, step: Pass) -> Tensor:
    own = weights.get(f"scale.{place}")
    return x if own is None else x * own


def _scales_merged(weights: Weights, base: Base) -> Base:
    own = dict(base.weights)
    for layer in range(LAYERS):
        for kind, what in (("k", "keys"), ("v", "values")):
            weight, bias = base.linear(f"{layer}.{kind}")
            factor = weights[f"scale.{layer}.{what}"]
            own |= {
                f"{layer}.{kind}": factor[:, None] * weight,
                f"{layer}.{kind}.bias": factor * bias,
            }
        own[f"{layer}.down"] = base.weights[f"{layer}.down"] * weights[f"scale.{layer}.hidden"]
    return Base(own)


def fresh_bottlenecks(width: int, generator: torch.Generator) -> Adapter:
    """Return bottlenecks that change nothing yet."""
    weights = {}
    for place in PLACES:
        weights[f"down.{place}"] = kaiming((width, WIDTH), WIDTH, generator)
        weights[f"down.{place}.bias"] = torch.zeros(width)
        weights[f"up.{place}"] = torch.zeros(WIDTH, width)
        weights[f"up.{place}.bias"] = torch.zeros(WIDTH)
    return bottlenecks(weights)


def bottlenecks(weights: dict[str, Tensor]) -> Adapter:
    """Return the bottlenecks of given weights."""
    return Adapter(weights, state=_through)


def _through(weights: Weights, place: str, x: Tensor, step: Pass) -> Tensor:
    if place not in PLACES:
        return x
    down, up = f"down.{place}", f"up.{place}"
    inner = F.gelu(step.product(x, weights[down], weights[f"{down}.bias"]))
    return x + step.product(inner, weights[up], weights[f"{up}.bias"])

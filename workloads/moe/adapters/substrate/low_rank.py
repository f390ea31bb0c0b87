"""LoRA: beside each frozen linear a product of two thin matrices, W x + b + B A x.

    a.SITE [rank, in], Kaiming-uniform with a = sqrt 5        b.SITE [out, rank], zero

The scale alpha / rank is that of the base, 1 in the suite, as in the adapters that it is compared with.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from adabench.workloads.moe.adapters.substrate.adapter import Adapter, Weights
from adabench.workloads.moe.adapters.substrate.base_model import SITES, Base, Site
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass


def kaiming(shape: Sequence[int], inner: int, generator: torch.Generator) -> Tensor:
    """Return a matrix drawn as torch draws a linear's: uniform with the bound 1 / sqrt(inner)."""
    return (torch.rand(*shape, generator=generator) * 2 - 1) / math.sqrt(inner)


def fresh_lora(rank: int, generator: torch.Generator, sites: Sequence[Site] = SITES) -> Adapter:
    """Return an untrained LoRA on all sites."""
    weights = {}
    for site in sites:
        weights[f"a.{site.name}"] = kaiming((rank, site.inner), site.inner, generator)
        weights[f"b.{site.name}"] = torch.zeros(site.outer, rank)
    return lora(weights)


def lora(weights: dict[str, Tensor]) -> Adapter:
    """Return the LoRA of given weights."""
    return Adapter(weights, linear=_low_rank, merge=_merged)


def _merged(weights: Weights, base: Base) -> Base:
    own = {
        site.name: base.weights[site.name]
        + base.scale * weights[f"b.{site.name}"] @ weights[f"a.{site.name}"]
        for site in base.sites
    }
    return replace(base, weights=base.weights | own)


def _low_rank(weights: Weights, site: Site, x: Tensor, step: Pass) -> Tensor:
    inner = step.product(x, weights[f"a.{site.name}"])
    return step.frozen(site, x) + step.base.scale * step.product(inner, weights[f"b.{site.name}"])

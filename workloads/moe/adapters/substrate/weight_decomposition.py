"""DoRA: the rows of a weight as magnitude and direction, a low-rank product in the direction.

y = b + m / |W + B A| * (W x + B A x)        |.|: the length of each row of the whole

a.SITE, b.SITE as in `low_rank`; m.SITE [out], the lengths of the frozen rows at first. As in the paper
(section 4.3) lengths are constants in the backward.
"""

import torch
from torch import Tensor

from adabench.workloads.moe.adapters.substrate.adapter import Adapter, Weights
from adabench.workloads.moe.adapters.substrate.base_model import SITES, Base, Site
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass
from adabench.workloads.moe.adapters.substrate.low_rank import fresh_lora


def fresh_dora(rank: int, base: Base, generator: torch.Generator) -> Adapter:
    """Return an untrained DoRA on all sites."""
    weights = dict(fresh_lora(rank, generator).weights)
    for site in SITES:
        weights[f"m.{site.name}"] = base.weights[site.name].norm(dim=1)
    return dora(weights)


def dora(weights: dict[str, Tensor]) -> Adapter:
    """Return the DoRA of given weights."""
    return Adapter(weights, linear=_decomposed, merge=_merged)


def _decomposed(weights: Weights, site: Site, x: Tensor, step: Pass) -> Tensor:
    weight, bias = step.base.linear(site.name)
    a, b = weights[f"a.{site.name}"], weights[f"b.{site.name}"]
    step.count(site.inner * b.numel())
    length = torch.linalg.vector_norm(weight + b.detach() @ a.detach(), dim=1)
    moved = step.product(x, weight) + step.product(step.product(x, a), b)
    return bias + weights[f"m.{site.name}"] / length * moved


def _merged(weights: Weights, base: Base) -> Base:
    own = dict(base.weights)
    for site in SITES:
        moved = base.weights[site.name] + weights[f"b.{site.name}"] @ weights[f"a.{site.name}"]
        scale = weights[f"m.{site.name}"] / moved.norm(dim=1)
        own[site.name] = scale[:, None] * moved
    return Base(own)

"""DoRA: the rows of a weight as magnitude and direction, a low-rank product in the direction.

y = b + m / |W + B A| * (W x + B A x)        |.|: the length of each row of the whole

a.SITE, b.SITE as in `low_rank`; m.SITE [out], the lengths of the frozen rows at first. As in the paper
(section 4.3) lengths are constants in the backward.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from adabench.kernels.segment_product import product
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
    return Adapter(weights, linear=_decomposed, merge=_merged, together=_together)


def _decomposed(weights: Weights, site: Site, x: Tensor, step: Pass) -> Tensor:
    weight, bias = step.base.linear(site.name)
    a, b = weights[f"a.{site.name}"], weights[f"b.{site.name}"]
    step.count(site.inner * b.numel())
    length: Tensor = torch.linalg.vector_norm(weight + b.detach() @ a.detach(), dim=1)
    moved = step.product(x, weight) + step.product(step.product(x, a), b)
    return bias + weights[f"m.{site.name}"] / length * moved


def _merged(weights: Weights, base: Base) -> Base:
    own = dict(base.weights)
    for site in SITES:
        moved = base.weights[site.name] + weights[f"b.{site.name}"] @ weights[f"a.{site.name}"]
        scale = weights[f"m.{site.name}"] / moved.norm(dim=1)
        own[site.name] = scale[:, None] * moved
    return Base(own)


def _together(several: Sequence[Weights], base: Base) -> Adapter:
    """Stack adapters of several tasks; the lengths of their rows are taken once, and not at each pass."""
    weights: dict[str, Tensor] = {}
    for site in SITES:
        a, b, m = (torch.stack([one[f"{part}.{site.name}"] for one in several]) for part in "abm")
        length = torch.linalg.vector_norm(base.weights[site.name] + b @ a, dim=2)
        weights |= {f"a.{site.name}": a, f"b.{site.name}": b, f"scale.{site.name}": m / length}
    return Adapter(weights, linear=_by_task, merge=_merged_by_scale)


def _merged_by_scale(weights: Weights, base: Base) -> Base:
    """Merge what one task has of a stack: the lengths are known."""
    own = dict(base.weights)
    for site in SITES:
        a, b, scale = (weights[f"{part}.{site.name}"] for part in ("a", "b", "scale"))
        own[site.name] = scale[:, None] * torch.addmm(base.weights[site.name], b, a)
    return Base(own)


def _by_task(weights: Weights, site: Site, x: Tensor, step: Pass) -> Tensor:
    weight, bias = step.base.linear(site.name)
    a, b, scale = (weights[f"{part}.{site.name}"] for part in ("a", "b", "scale"))
    rows, each = x.reshape(-1, site.inner), x.shape[1]
    sizes = step.once("sizes", lambda: (step.tasks.bincount(minlength=len(a)) * each).tolist())
    step.count(len(rows) * (a[0].numel() + b[0].numel()))
    added = product(product(rows, a, sizes), b, sizes).view(*x.shape[:-1], site.outer)
    return bias + scale[step.tasks][:, None] * (step.product(x, weight) + added)

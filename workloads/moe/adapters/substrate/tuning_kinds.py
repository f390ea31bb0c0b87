"""The methods of the survey by the name of their recipe: how each begins, and how its file is read."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from adabench.workloads.moe.adapters.substrate import (
    base_parts,
    rank_allocation,
    state_adapters,
    weight_decomposition,
)
from adabench.workloads.moe.adapters.substrate.adapter import Adapter
from adabench.workloads.moe.adapters.substrate.base_model import Base

PROMPT, PREFIX, RANK = 20, 12, 4
Fresh = Callable[[Base, torch.Generator], Adapter]
Reader = Callable[[dict[str, Tensor]], Adapter]

KINDS: Mapping[str, tuple[Fresh, Reader]] = {
    "prompt": (
        lambda base, lots: state_adapters.fresh_prompt(PROMPT, base, lots), state_adapters.prompt,
    ),
    "prefix": (
        lambda base, lots: state_adapters.fresh_prefix(PREFIX, base, lots), state_adapters.prefix,
    ),
    "ia3": (lambda base, lots: state_adapters.fresh_scales(base), state_adapters.scales),
    "bottleneck-6": (
        lambda base, lots: state_adapters.fresh_bottlenecks(6, lots, base.sites), state_adapters.bottlenecks,
    ),
    "bottleneck-16": (
        lambda base, lots: state_adapters.fresh_bottlenecks(16, lots, base.sites), state_adapters.bottlenecks,
    ),
    "bitfit": (lambda base, lots: base_parts.fresh_part("biases", base), base_parts.own_part),
    "norms": (lambda base, lots: base_parts.fresh_part("norms", base), base_parts.own_part),
    "random-mask": (
        lambda base, lots: base_parts.fresh_entries(
            base_parts.fresh_part("biases", base).trained_parameters, lots
        ),
        base_parts.entries,
    ),
    "full": (lambda base, lots: base_parts.fresh_part("all", base), base_parts.own_part),
    "scratch": (lambda base, lots: base_parts.fresh_network(lots), base_parts.own_part),
    "dora": (
        lambda base, lots: weight_decomposition.fresh_dora(RANK, base, lots), weight_decomposition.dora,
    ),
    "adalora": (lambda base, lots: rank_allocation.fresh_adalora(lots), rank_allocation.triplets),
}  # fmt: skip
"""By the name of a recipe: what makes it anew, and what makes it of a file's weights."""
RANDOM_RANKS = "random-ranks"


def fresh(
    kind: str, base: Base, generator: torch.Generator, trunk: dict[str, Tensor] | None = None
) -> Adapter:
    """Return an untrained one; ranks by lot are dealt of those of an AdaLoRA, `trunk`."""
    if kind == RANDOM_RANKS:
        assert trunk is not None
        ranks = rank_allocation.ranks_by_lot(rank_allocation.ranks_of(trunk), generator)
        return rank_allocation.fresh_triplets(ranks, generator)
    return KINDS[kind][0](base, generator)


def read(kind: str, weights: dict[str, Tensor]) -> Adapter:
    """Return the one of given weights."""
    return rank_allocation.triplets(weights) if kind == RANDOM_RANKS else KINDS[kind][1](weights)

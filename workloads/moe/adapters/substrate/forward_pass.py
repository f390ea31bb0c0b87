"""One forward of the base: what rules of adapters get beside their input, and what they are counted by.

FLOPs are two a multiply-add: of the forward, and in training of the backward, which multiplies once more for
each factor that a gradient is wanted of. Element-wise work is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.moe.adapters.substrate.base_model import Base, Site


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
    there: Tensor | None = None
    """[sequences, tokens]: which are a sequence's own, where some are padding."""

    memo: dict[str, Any] = field(default_factory=dict, init=False)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what a rule needs at several sites and makes at the first."""
        if name not in self.memo:
            self.memo[name] = make()
        return self.memo[name]

    @cached_property
    def several(self) -> tuple[Tensor, Tensor]:
        """Return the tasks that occur, and which of them each sequence is of."""
        several, place = torch.unique(self.tasks, return_inverse=True)
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
        weight, bias = (self.base.weights.get(f"{site.name}{end}") for end in ("", ".bias"))
        assert weight is not None
        own = self.base.dtype
        return self.product(x.to(own), weight.to(own), bias).to(x.dtype)

    def count(self, multiply_adds: int, *factors: Tensor) -> None:
        """Count a product, with its backward where gradients of its factors are wanted."""
        wanted = sum(factor.requires_grad for factor in factors) if self.training else 0
        self.work.flops += 2 * multiply_adds * (1 + wanted)

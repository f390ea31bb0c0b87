"""The frozen base: a causal transformer of two layers, 48 wide, as named weights.

    embed [V, d]   position [T, d]   L.q L.k L.v L.o [d, d]   L.up [4d, d]   L.down [d, 4d]
    L.norm_1 L.norm_2 norm [d]       head [classes, d]        each linear has a bias

It has biases, so that methods that train biases have some. A linear that adapters act on is a `Site`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from adabench.workloads.moe.adapters.substrate.instructed_tasks import (
    CLASSES,
    LENGTH,
    VOCABULARY,
    WORDS,
)

LAYERS, WIDTH, HEADS, HIDDEN = 2, 48, 4, 192
KINDS = ("q", "k", "v", "o", "up", "down")
HEAD = "head"


@dataclass(frozen=True)
class Site:
    """A linear of the base that adapters act on."""

    layer: int
    kind: str
    widths: tuple[int, int] = (0, 0)
    """Features in and out, of a linear of another base than the suite's."""

    @property
    def name(self) -> str:
        """Return the name of its weight."""
        return f"{self.layer}.{self.kind}"

    @property
    def inner(self) -> int:
        """Return how many features go in."""
        return self.widths[0] or (HIDDEN if self.kind == "down" else WIDTH)

    @property
    def outer(self) -> int:
        """Return how many features come out."""
        return self.widths[1] or (HIDDEN if self.kind == "up" else WIDTH)


SITES = tuple(Site(layer, kind) for layer in range(LAYERS) for kind in KINDS)


@dataclass(frozen=True)
class Base:
    """The weights of a base, by name, and what sets another base apart from the suite's."""

    weights: dict[str, Tensor]
    sites: Sequence[Site] = SITES
    """Linears that adapters act on."""
    vocabulary: int = VOCABULARY
    """Tokens that sequences may be made of, and below how many tokens one has."""
    length: int = WORDS + LENGTH
    first_answer: int = WORDS + 1
    """The first position that is answered."""
    at_once: int = 0
    """Sequences that are timed together; 0 for all."""
    scale: float = 1.0
    """What products beside linears are multiplied by."""
    dtype: torch.dtype = torch.float32
    """That its own linears multiply in."""
    passes: Callable[[Any, Any], Tensor] | None = None
    """Its forward, of a pass and an adapter, where it is another one."""

    @cached_property
    def parameters(self) -> int:
        """Return how many numbers it has."""
        return sum(weight.numel() for weight in self.weights.values())

    def linear(self, name: str) -> tuple[Tensor, Tensor]:
        """Return the weight [out, in] and the bias of a linear."""
        return self.weights[name], self.weights[f"{name}.bias"]


def shapes() -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight."""
    found: dict[str, tuple[int, ...]] = {
        "embed": (VOCABULARY, WIDTH),
        "position": (WORDS + LENGTH, WIDTH),
        "norm": (WIDTH,),
        HEAD: (CLASSES, WIDTH),
        f"{HEAD}.bias": (CLASSES,),
    }
    for site in SITES:
        found |= {site.name: (site.outer, site.inner), f"{site.name}.bias": (site.outer,)}
    for layer in range(LAYERS):
        found |= {f"{layer}.norm_1": (WIDTH,), f"{layer}.norm_2": (WIDTH,)}
    return found


def fresh_base(generator: torch.Generator) -> Base:
    """Return an untrained base."""
    weights = {}
    for name, shape in shapes().items():
        if name.endswith(".bias"):
            weights[name] = torch.zeros(shape)
        elif "norm" in name:
            weights[name] = torch.ones(shape)
        elif name in ("embed", "position"):
            weights[name] = torch.randn(shape, generator=generator) * 0.5
        else:
            bound = 1 / math.sqrt(shape[1])
            weights[name] = (torch.rand(shape, generator=generator) * 2 - 1) * bound
    return Base(weights)

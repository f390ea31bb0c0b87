"""Which row of which expert a token takes, how many rows there are, and how tokens come there and back.

Choice j of a token gets the place that its expert's count shows, all first choices before all second ones. Who is at or
beyond the capacity C is dropped. With n = ceil(T / E), k choices a token, and a factor f (arXiv 2206.03382 and its code):

    f > 0    C = k floor(f n)
    f = 0    C = the largest count of any expert on any rank: nothing is dropped
    f < 0    C = the smaller of that and k floor(|f| n)

Sparse dispatch writes and reads the k rows of each token. Dense dispatch multiplies by a mask [T, E C], as GShard and
Fairseq do: O(T E C D).
"""

from dataclasses import dataclass
from math import ceil, floor
from typing import Literal

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.moe.moe_layer.substrate.expert_shards import LayerShape

Dispatch = Literal["sparse", "dense"]


@dataclass(frozen=True)
class Tokens:
    """One rank's tokens of one iteration."""

    rows: Tensor
    """[T, D]"""
    choices: Tensor
    """[T, k], experts"""
    shares: Tensor
    """[T, k], the weights of their outputs"""


@dataclass(frozen=True)
class Places:
    """Where choices go."""

    slot: Tensor
    """[T, k]: expert times capacity, plus place"""
    there: Tensor
    """[T, k]: not dropped"""


def counts_before(choices: Tensor, experts: int) -> Tensor:
    """Return how many choices of the same expert come before each choice [T, k], first choices first."""
    flat = choices.T.flatten()
    ones = F.one_hot(flat, experts)
    before = (ones.cumsum(0) - 1).gather(1, flat[:, None])[:, 0]
    return before.view(choices.shape[1], -1).T


def capacity_of(before: Tensor, shape: LayerShape, factor: float) -> int:
    """Return the capacity; where the factor asks for it, ranks agree on the largest count."""
    tokens, chosen = before.shape
    largest = 0
    if factor <= 0:
        needed = before.max() + 1
        dist.all_reduce(needed, dist.ReduceOp.MAX)
        largest = int(needed)
    return capacity_given(tokens, chosen, largest, shape, factor)


def capacity_given(tokens: int, chosen: int, largest: int, shape: LayerShape, factor: float) -> int:
    """Return the capacity of a factor, where `largest` is the largest count."""
    given = chosen * floor(abs(factor) * ceil(tokens / shape.experts))
    if factor <= 0:
        given = min(largest, given) if factor else largest
    return ceil(max(given, 1) / shape.multiple) * shape.multiple


def largest_count(choices: NDArray[np.int64], experts: int) -> int:
    """Return the largest count of any expert on any rank, of choices [T, ranks, k]."""
    return max(
        int(np.bincount(choices[:, rank].ravel(), minlength=experts).max())
        for rank in range(choices.shape[1])
    )


def places_of(choices: Tensor, before: Tensor, capacity: int) -> Places:
    """Return where choices go at a capacity."""
    return Places(choices * capacity + before, before < capacity)


def encoded(
    tokens: Tokens, places: Places, experts: int, capacity: int, dispatch: Dispatch
) -> Tensor:
    """Return tokens where their experts find them, [E, C, D]; rows that nobody took are 0."""
    width, chosen = tokens.rows.shape[1], tokens.choices.shape[1]
    if dispatch == "dense":
        mask = _mask(places, places.there.to(tokens.rows.dtype), experts * capacity)
        return (mask.T @ tokens.rows).view(experts, capacity, width)
    found = torch.zeros(experts * capacity, width)
    rows = tokens.rows[:, None].expand(-1, chosen, -1)
    found[places.slot[places.there]] = rows[places.there]
    return found.view(experts, capacity, width)


def decoded(tokens: Tokens, places: Places, made: Tensor, dispatch: Dispatch) -> Tensor:
    """Return each token's sum of what its experts made [E, C, D], [T, D]; a dropped choice adds nothing."""
    flat = made.flatten(0, 1)
    shares = tokens.shares * places.there
    if dispatch == "dense":
        return _mask(places, shares, len(flat)) @ flat
    slot = torch.where(places.there, places.slot, 0)
    return (flat[slot] * shares[..., None]).sum(1)


def _mask(places: Places, weights: Tensor, slots: int) -> Tensor:
    """Return weights [T, k] where their slots are, [T, slots]."""
    mask = torch.zeros(len(weights), slots + 1)
    slot = torch.where(places.there, places.slot, slots)
    return mask.scatter_add(1, slot, weights)[:, :slots]

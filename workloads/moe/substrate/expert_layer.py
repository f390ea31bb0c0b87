"""A feed-forward layer of experts: who multiplies which rows is decided outside, and counted here.

    scores = layer.scores(x)                            [n, E], the router's
    mixed = token_choice(scores, 2)                     [n, E]: the weight of each expert's output; 0: it does not run
    out = layer.total(x, mixed, counted)                sum over e with mixed[i, e] != 0 of mixed[i, e] W2_e gelu(W1_e x[i])

A pair of a row and an expert whose weight is 0 is not multiplied. `counted` is told of every segment that is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.kernels.segment_product import product_with_gradients
from adabench.workloads.moe.substrate.expert_sum import Pairs, pairs_of

Route = Callable[[int, Tensor], Tensor]
"""Of a layer and its scores [n, E]: the weight of each expert's output, [n, E]."""
Multiply = Callable[[Tensor, Tensor, list[int]], Tensor]
"""Of rows sorted by expert, weights [E, m, k] and the sizes of segments: the products [rows, m]."""


@dataclass
class Counted:
    """What was multiplied, by layer."""

    rows: list[int] = field(default_factory=list)
    """That went through a layer."""
    sizes: list[list[int]] = field(default_factory=list)
    """Of each expert's segment: rows that it multiplied."""

    def add(self, rows: int, sizes: list[int]) -> None:
        """Enter one layer's work."""
        self.rows.append(rows)
        self.sizes.append(sizes)

    @property
    def pairs(self) -> int:
        """Return how many rows were multiplied by an expert, of all layers."""
        return sum(map(sum, self.sizes))

    @property
    def peak_load(self) -> float:
        """Return the largest expert's share over the mean one's, the mean of the layers."""
        peaks = [max(sizes) * len(sizes) / sum(sizes) for sizes in self.sizes if sum(sizes)]
        return sum(peaks) / len(peaks) if peaks else 1.0


class ExpertLayer(nn.Module):
    """A router and E experts of two matrices each."""

    def __init__(self, width: int, hidden: int, experts: int) -> None:
        super().__init__()
        self.router = nn.Linear(width, experts, bias=False)
        self.inner = nn.Parameter(torch.randn(experts, hidden, width) * width**-0.5)
        self.outer = nn.Parameter(torch.randn(experts, width, hidden) * 0.5 * hidden**-0.5)

    def scores(self, x: Tensor) -> Tensor:
        """Return the router's scores of rows x [n, D], [n, E]."""
        found: Tensor = self.router(x)
        return found

    def total(
        self, x: Tensor, mixed: Tensor, counted: Counted, multiply: "Multiply | None" = None
    ) -> Tensor:
        """Return the weighted sum of the experts that run, [n, D]."""
        pairs = pairs_of(mixed)
        counted.add(len(x), pairs.sizes)
        outer = self.outputs(x, pairs, multiply or segment_product)
        shares = mixed[pairs.row, pairs.expert].unsqueeze(1)
        return torch.zeros_like(x).index_add(0, pairs.row, outer * shares)

    def outputs(self, x: Tensor, pairs: Pairs, multiply: Multiply) -> Tensor:
        """Return what each pair's expert makes of its row, [pairs, D]."""
        inner = F.gelu(multiply(x[pairs.row], self.inner, pairs.sizes))
        return multiply(inner, self.outer, pairs.sizes)


def subset(layer: ExpertLayer, places: Tensor) -> ExpertLayer:
    """Return a layer of some of a layer's experts, each with its row of the router."""
    found = bare(layer.inner[places], layer.outer[places])
    found.router = nn.Linear(layer.router.in_features, len(places), bias=False)
    found.router.weight = nn.Parameter(layer.router.weight[places], requires_grad=False)
    return found


def bare(inner: Tensor, outer: Tensor) -> ExpertLayer:
    """Return a layer of experts [E, H, D] and [E, D, H] that are not trained, its router to be set."""
    found = ExpertLayer.__new__(ExpertLayer)
    nn.Module.__init__(found)
    found.inner = nn.Parameter(inner.contiguous(), requires_grad=False)
    found.outer = nn.Parameter(outer.contiguous(), requires_grad=False)
    return found


def segment_product(rows: Tensor, weights: Tensor, sizes: list[int]) -> Tensor:
    """Multiply sorted rows: in one batched product where all segments are of one size, else segment by segment."""
    if len(set(sizes)) == 1:
        parts = rows.view(len(sizes), sizes[0], rows.shape[1])
        return torch.bmm(parts, weights.transpose(1, 2)).flatten(0, 1)
    return product_with_gradients(rows, weights, sizes)


def token_choice(scores: Tensor, chosen: int) -> Tensor:
    """Return the weights of the `chosen` most probable experts of each row, which add up to 1.

    With one expert the weight is its probability, as in Switch, so that a router can learn.
    """
    values, places = scores.softmax(-1).topk(chosen, dim=-1)
    shares = values / values.sum(-1, keepdim=True) if chosen > 1 else values
    return torch.zeros_like(scores).scatter(-1, places, shares)


def balance_loss(scores: Tensor) -> Tensor:
    """Return E sum_e f_e P_e of rows' scores [n, E]: first choices times mean probabilities (Switch, arXiv 2101.03961)."""
    odds = scores.softmax(-1)
    first = F.one_hot(scores.argmax(-1), scores.shape[-1]).to(odds.dtype).mean(0)
    return scores.shape[-1] * (first * odds.mean(0)).sum()

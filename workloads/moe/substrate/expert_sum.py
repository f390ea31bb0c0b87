"""The weighted sum of low-rank experts over those pairs of a row and an expert that run.

    out[i] = sum over experts e with mixed[i, e] != 0 of mixed[i, e] B_e A_e x[i]

Pairs are gathered by expert; both products go by sorted segments (`kernels/segment_product.py`), forward and
backward. What does not run is not computed. It is one step of autograd and not six, since at small widths the
steps cost more than the products.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from adabench.kernels.segment_product import gradient_of_rows, gradient_of_weights, product


@dataclass(frozen=True)
class Pairs:
    """Which experts run for which rows, sorted by expert."""

    row: Tensor
    expert: Tensor
    sizes: list[int]
    """Of each expert's segment."""

    @property
    def count(self) -> int:
        """Return how many there are."""
        return len(self.row)


def pairs_of(mixed: Tensor) -> Pairs:
    """Return the pairs whose weight is not 0."""
    active = mixed != 0
    expert, row = active.T.nonzero(as_tuple=True)
    return Pairs(row, expert, active.sum(0).tolist())


def expert_sum(x: Tensor, mixed: Tensor, a: Tensor, b: Tensor, pairs: Pairs) -> Tensor:
    """Return the sum for each row, [rows, out], of x [rows, in], mixed [rows, E], a [E, r, in], b [E, out, r]."""
    found: Tensor = _ExpertSum.apply(x, mixed, a, b, pairs)  # type: ignore[no-untyped-call]
    return found


class _ExpertSum(torch.autograd.Function):
    """The sum, with its gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mixed: Tensor, a: Tensor, b: Tensor, pairs: Pairs) -> Tensor:
        """Gather, multiply twice, weigh and add."""
        rows, shares = x[pairs.row], mixed[pairs.row, pairs.expert].unsqueeze(1)
        inner = product(rows, a, pairs.sizes)
        outer = product(inner, b, pairs.sizes)
        ctx.save_for_backward(rows, shares, inner, outer, a, b)
        ctx.pairs, ctx.shape, ctx.mixed = pairs, x.shape, mixed.shape
        out = x.new_zeros(len(x), b.shape[1])
        return out.index_add_(0, pairs.row, outer * shares)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Go back the same way, by the same segments."""
        rows, shares, inner, outer, a, b = ctx.saved_tensors
        pairs, (of_x, of_mixed, of_a, of_b) = ctx.pairs, ctx.needs_input_grad[:4]
        gradient = gradients[0][pairs.row]
        weighed = gradient * shares
        of_inner = gradient_of_rows(weighed, b, pairs.sizes)
        mixed = x = None
        if of_mixed:
            mixed = gradient.new_zeros(ctx.mixed)
            mixed[pairs.row, pairs.expert] = (gradient * outer).sum(1)
        if of_x:
            back = gradient_of_rows(of_inner, a, pairs.sizes)
            x = gradient.new_zeros(ctx.shape).index_add_(0, pairs.row, back)
        return (
            x,
            mixed,
            gradient_of_weights(of_inner, rows, a, pairs.sizes) if of_a else None,
            gradient_of_weights(weighed, inner, b, pairs.sizes) if of_b else None,
            None,
        )

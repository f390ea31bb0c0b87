"""The product of sorted segments, and its backward: one matrix product a group that has rows."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor


def segments(sizes: Sequence[int]) -> Iterator[tuple[int, slice]]:
    """Yield each group that has rows, and where they lie."""
    start = 0
    for group, size in enumerate(sizes):
        if size:
            yield group, slice(start, start + size)
        start += size


class SegmentProduct(torch.autograd.Function):
    """out[rows of g] = x[rows of g] @ weights[g].T"""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, sizes: list[int]) -> Tensor:
        """Multiply."""
        ctx.save_for_backward(x, weights)
        ctx.sizes = sizes
        out = x.new_empty(len(x), weights.shape[1])
        for group, rows in segments(sizes):
            torch.mm(x[rows], weights[group].T, out=out[rows])
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Multiply by the transposes: of the weights for the rows, of the rows for the weights."""
        (gradient,), (x, weights) = gradients, ctx.saved_tensors
        of_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        of_weights = torch.zeros_like(weights) if ctx.needs_input_grad[1] else None
        for group, rows in segments(ctx.sizes):
            if of_x is not None:
                torch.mm(gradient[rows], weights[group], out=of_x[rows])
            if of_weights is not None:
                torch.mm(gradient[rows].T, x[rows], out=of_weights[group])
        return of_x, of_weights, None

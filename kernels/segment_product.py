"""The product of sorted segments, and its backward: one matrix product a group that has rows."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor


def segments(sizes: list[int], *parts: Sequence[Tensor]) -> Iterator[tuple[Tensor, ...]]:
    """Yield, for each group that has rows, its part of each sequence."""
    for size, *own in zip(sizes, *parts, strict=True):
        if size:
            yield tuple(own)


def product(x: Tensor, weights: Tensor, sizes: list[int]) -> Tensor:
    """Return out[rows of g] = x[rows of g] @ weights[g].T, for each group g."""
    out = x.new_empty(len(x), weights.shape[1])
    parts = torch.split(x, sizes), weights.transpose(1, 2).unbind(), torch.split(out, sizes)
    for rows, weight, into in segments(sizes, *parts):
        torch.mm(rows, weight, out=into)
    return out


def gradient_of_rows(gradient: Tensor, weights: Tensor, sizes: list[int]) -> Tensor:
    """Return the gradient of x, from that of the product."""
    out = gradient.new_empty(len(gradient), weights.shape[2])
    parts = torch.split(gradient, sizes), weights.unbind(), torch.split(out, sizes)
    for rows, weight, into in segments(sizes, *parts):
        torch.mm(rows, weight, out=into)
    return out


def gradient_of_weights(gradient: Tensor, x: Tensor, weights: Tensor, sizes: list[int]) -> Tensor:
    """Return the gradient of the weights, from that of the product; 0 for groups without rows."""
    out = torch.zeros_like(weights)
    parts = torch.split(gradient.T, sizes, dim=1), torch.split(x, sizes), out.unbind()
    for columns, rows, into in segments(sizes, *parts):
        torch.mm(columns, rows, out=into)
    return out


class SegmentProduct(torch.autograd.Function):
    """`product`, with its gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, sizes: list[int]) -> Tensor:
        """Multiply."""
        ctx.save_for_backward(x, weights)
        ctx.sizes = sizes
        return product(x, weights, sizes)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Multiply by the transposes: of the weights for the rows, of the rows for the weights."""
        (gradient,), (x, weights) = gradients, ctx.saved_tensors
        of_x, of_weights = ctx.needs_input_grad[:2]
        return (
            gradient_of_rows(gradient, weights, ctx.sizes) if of_x else None,
            gradient_of_weights(gradient, x, weights, ctx.sizes) if of_weights else None,
            None,
        )


product_with_gradients: Callable[[Tensor, Tensor, list[int]], Tensor] = SegmentProduct.apply
"""`product` of x, weights and sizes, which can be trained through."""

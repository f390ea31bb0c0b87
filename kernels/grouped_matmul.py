"""Multiplies every row by the weight it chose: out[i] = x[i] @ weights[choice[i]].T.

x [n, k], choice [n] in 0..G-1, weights [G, m, k], out [n, m]. Groups may be empty, or hold all rows. The reference loops over groups;
on a CPU rows are sorted once into segments; Triton finds a tile's group in the kernel. Design: `docs/log/kernels.md`.
"""

from typing import TYPE_CHECKING

from adabench.kernels.dispatch import runs_triton

if TYPE_CHECKING:
    from torch import Tensor


def grouped(x: "Tensor", choice: "Tensor", weights: "Tensor") -> "Tensor":
    """Multiply each row by the weight it chose.

    Raises:
        ValueError: if the shapes or types do not fit each other.
    """
    _check(x, choice, weights)
    if x.numel() and weights.numel() and runs_triton(x, choice, weights):
        from adabench.kernels import triton_kernels

        return triton_kernels.grouped(x, choice, weights)
    if x.device.type != "cpu":
        return reference(x, choice, weights)
    order = choice.argsort(stable=True)
    counts = choice.bincount(minlength=len(weights))
    return x.new_zeros(len(x), weights.shape[1]).index_copy(
        0, order, sorted_segments(x[order], counts, weights)
    )


def sorted_segments(x: "Tensor", counts: "Tensor", weights: "Tensor") -> "Tensor":
    """Multiply rows that are sorted by choice: the first `counts[0]` by weight 0, and so on.

    Raises:
        ValueError: if the counts are not those of the rows and weights.
    """
    sizes = counts.tolist()
    if len(sizes) != len(weights) or sum(sizes) != len(x) or min(sizes, default=0) < 0:
        raise ValueError(f"counts {sizes} do not fit {len(x)} rows and {len(weights)} weights.")
    from adabench.kernels.segment_product import product_with_gradients

    return product_with_gradients(x, weights, sizes)


def reference(x: "Tensor", choice: "Tensor", weights: "Tensor") -> "Tensor":
    """Do the same group by group, on any device and for any floating type."""
    from torch.nn import functional as F

    out = x.new_zeros(x.shape[0], weights.shape[1])
    for group, weight in enumerate(weights):
        rows = (choice == group).nonzero()[:, 0]
        if rows.numel():
            out = out.index_copy(0, rows, F.linear(x.index_select(0, rows), weight))
    return out


def _check(x: "Tensor", choice: "Tensor", weights: "Tensor") -> None:
    """Refuse what a kernel would read past: it does not look at shapes again."""
    if x.dim() != 2 or weights.dim() != 3 or x.shape[1] != weights.shape[2]:
        raise ValueError(
            f"x {tuple(x.shape)} and weights {tuple(weights.shape)} are not [n, k] and [G, m, k]."
        )
    if choice.shape != x.shape[:1]:
        raise ValueError(f"choice has shape {tuple(choice.shape)}, not {tuple(x.shape[:1])}.")
    if x.dtype != weights.dtype:
        raise ValueError("x and weights must have one type.")

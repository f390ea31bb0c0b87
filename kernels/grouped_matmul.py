"""Grouped product: every row is multiplied by the weight it chose.

    out[i] = x[i] @ weights[choice[i]].T

    x [n, k]   choice [n], in 0..G-1   weights [G, m, k]   out [n, m]

Experts, adapters and per-token depths choose so. Groups may be empty, or hold all rows.

**Reference.** A loop over the groups: select rows, multiply, put back. G small products, G
launches of each step, and one synchronisation per group on a GPU, since the number of rows
decides a shape.

**Sorted segments**, on a CPU. Rows are sorted by choice once; each group that somebody chose is then one
product of the rows that lie together, written where its result belongs. Groups that nobody chose are not
looked at, and the backward goes by the same segments.

**Triton** (`triton_kernels.py`). One kernel over tiles of the rows sorted by choice. Which group a
tile belongs to is found in the kernel from the G counts (a cumulative sum over at most a few
thousand numbers), so the host never learns the counts and never waits; the grid has room for
the worst split and the tiles left over return at once. Rows are read through the sorting and
written back through it: nothing is permuted in memory. Tiles of one group lie next to each
other in the launch order and share its weight in L2. Beside it run an argsort, a scatter-add
of the counts and their launches: for tiny n they cost more than the product.

**Floor.** 2 n m k operations; bytes of `x`, `choice`, `out` and of the weights that somebody
chose. With few rows per group the weights rule and it is bound by bandwidth.
"""

from typing import TYPE_CHECKING

from adabench.kernels.dispatch import Cost, runs_triton

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
    from adabench.kernels.segment_product import SegmentProduct

    found: Tensor = SegmentProduct.apply(x, weights, sizes)  # type: ignore[no-untyped-call]
    return found


def reference(x: "Tensor", choice: "Tensor", weights: "Tensor") -> "Tensor":
    """Do the same group by group, on any device and for any floating type."""
    from torch.nn import functional as F

    out = x.new_zeros(x.shape[0], weights.shape[1])
    for group, weight in enumerate(weights):
        rows = (choice == group).nonzero()[:, 0]
        if rows.numel():
            out = out.index_copy(0, rows, F.linear(x.index_select(0, rows), weight))
    return out


def cost(rows: int, groups: int, inner: int, outer: int, item_bytes: int) -> Cost:
    """Return what `rows` rows cost at least when `groups` groups are not empty."""
    elements = groups * inner * outer + rows * (inner + outer)
    return Cost(2 * rows * inner * outer, elements * item_bytes + rows * 8)


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

"""Gather, MLP, scatter: only the active tokens of a stream go through a layer's MLP.

    stream[r] += gate_r * (gelu(x[r] @ up.T) @ down.T)     for every r in rows

    x [T, d]   stream [T, d], changed in place   rows [n], each at most once
    up [h, d]   down [d, h]   gates [n] or none

and the same for the gated MLPs of Llama and its kin, whose `gate_up` [2 h, d] has the gate's rows first:

    stream[r] += (silu(x[r] @ gate.T) * (x[r] @ up.T)) @ down.T

A `down` [d, w] with w < h runs the first w hidden units alone: nested widths share their matrices.

This is what mixture-of-depths, mixture-of-recursions and early exit do at every layer. `up`
and `down` are laid out as in `nn.Linear`, GELU is the exact one, `x` may be `stream` itself.

**Reference.** Three torch calls: `index_select`, the dense MLP, `index_add_`. It materialises
the selected rows, the hidden state before and after GELU, and the result: on a GPU six
kernels, of which four only move memory.

**Triton** (`triton_kernels.py`). Two kernels. The first reads its rows of `x` straight through the
index, multiplies, applies GELU to the fp32 accumulator and writes the hidden state; the second
multiplies and adds its tile to `stream` through the index. Since rows are unique no two tiles
touch the same element, so the scatter needs no atomics and is deterministic. A single kernel
would have to hold a [tile, d] accumulator of fp32: at d = 1024 and 64 rows that is the whole
register file of an SM (256 KiB), or compute the hidden state again for every tile of columns.
So the hidden state goes through memory; at 2,048 rows, h = 4096 and 16 bits it is 16 MiB and
stays in the 50 MiB L2 of an H100.

**Repeated rows.** The reference adds them up, Triton would lose one. Nothing checks it, for that
would cost a synchronisation per layer; a router's top-k or `nonzero` gives no repeats.

**Floor.** 4 n d h operations; bytes of both weights, of the active rows of `x`, and of
`stream`'s active rows read and written. At d = 1024, h = 4096, n = 2048 that is 34 GFLOP and
28 MiB: bound by operations on any current accelerator.
"""

from typing import TYPE_CHECKING

from adabench.kernels.dispatch import Cost, runs_triton

if TYPE_CHECKING:
    from torch import Tensor


def mlp_add_(
    stream: "Tensor",
    x: "Tensor",
    rows: "Tensor",
    up: "Tensor",
    down: "Tensor",
    gates: "Tensor | None" = None,
) -> "Tensor":
    """Add the MLP of the active rows of `x` to those rows of `stream`, and return `stream`.

    Raises:
        ValueError: if the shapes or types do not fit each other.
    """
    _check(stream, x, rows, up, down, gates)
    if rows.numel() == 0:
        return stream
    if stream.stride(-1) == 1 and runs_triton(stream, x, rows, up, down, gates):
        from adabench.kernels import triton_kernels

        return triton_kernels.mlp_add_(stream, x, rows, up, down, gates)
    return reference_(stream, x, rows, up, down, gates)


def reference_(
    stream: "Tensor",
    x: "Tensor",
    rows: "Tensor",
    up: "Tensor",
    down: "Tensor",
    gates: "Tensor | None" = None,
) -> "Tensor":
    """Do the same in torch, on any device and for any floating type."""
    from torch.nn import functional as F

    added = F.linear(F.gelu(F.linear(x.index_select(0, rows), up)), down)
    if gates is not None:
        added = added * gates.to(added.dtype)[:, None]
    return stream.index_add_(0, rows, added)


def gated_mlp_add_(
    stream: "Tensor", x: "Tensor", rows: "Tensor", gate_up: "Tensor", down: "Tensor"
) -> "Tensor":
    """Add the gated MLP of the active rows of `x` to those rows of `stream`, and return `stream`.

    As many of its first hidden units run as `down` has columns.

    Raises:
        ValueError: if the shapes or types do not fit each other.
    """
    if len(gate_up) % 2:
        raise ValueError(f"gate_up has {len(gate_up)} rows, which are no gates and ups.")
    _check(stream, x, rows, gate_up[: len(gate_up) // 2][: down.shape[-1]], down, None)
    if rows.numel() == 0:
        return stream
    if stream.stride(-1) == 1 and runs_triton(stream, x, rows, gate_up, down):
        from adabench.kernels import triton_kernels

        return triton_kernels.gated_mlp_add_(stream, x, rows, gate_up, down)
    return gated_reference_(stream, x, rows, gate_up, down)


def gated_reference_(
    stream: "Tensor", x: "Tensor", rows: "Tensor", gate_up: "Tensor", down: "Tensor"
) -> "Tensor":
    """Do the same in torch, on any device and for any floating type."""
    from torch.nn import functional as F

    active = x.index_select(0, rows)
    if 2 * down.shape[1] == len(gate_up):
        gate, up = F.linear(active, gate_up).chunk(2, dim=-1)
    else:
        gate, up = (F.linear(active, half[: down.shape[1]]) for half in gate_up.chunk(2))
    return stream.index_add_(0, rows, F.linear(F.silu(gate) * up, down))


def cost(rows: int, width: int, hidden: int, item_bytes: int) -> Cost:
    """Return what `rows` active tokens cost at least, in values of `item_bytes`."""
    elements = 2 * width * hidden + 3 * rows * width
    return Cost(4 * rows * width * hidden, elements * item_bytes + rows * 8)


def _check(
    stream: "Tensor", x: "Tensor", rows: "Tensor", up: "Tensor", down: "Tensor",
    gates: "Tensor | None",
) -> None:  # fmt: skip
    """Refuse what a kernel would read past: it does not look at shapes again."""
    hidden, width = up.shape
    shapes = {
        "x": (x.shape[1:], (width,)),
        "stream": (stream.shape, x.shape),
        "down": (down.shape, (width, hidden)),
        "gates": (rows.shape if gates is None else gates.shape, rows.shape),
        "rows": ((rows.dim(),), (1,)),
    }
    for name, (is_, should) in shapes.items():
        if tuple(is_) != tuple(should):
            raise ValueError(f"{name} has shape {tuple(is_)}, not {tuple(should)}.")
    if len({tensor.dtype for tensor in (stream, x, up, down)}) > 1:
        raise ValueError("stream, x, up and down must have one type.")

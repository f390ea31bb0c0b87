"""Runs only the active tokens of a stream through a layer's gated MLP: gather, multiply, scatter.

    stream[r] += (silu(x[r] @ gate.T) * (x[r] @ up.T)) @ down.T              for every r in rows

x [T, d], stream [T, d] changed in place, rows [n] each at most once (Triton would lose a repeat, unchecked), down [d, h], gate_up [2 h, d]
with the gate's rows first. A `down` [d, w] with w < h runs the first w hidden units alone. Design: `docs/log/kernels.md`.
"""

from typing import TYPE_CHECKING

from adabench.kernels.dispatch import runs_triton

if TYPE_CHECKING:
    from torch import Tensor


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
    _check(stream, x, rows, gate_up[: len(gate_up) // 2][: down.shape[-1]], down)
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


def _check(stream: "Tensor", x: "Tensor", rows: "Tensor", up: "Tensor", down: "Tensor") -> None:
    """Refuse what a kernel would read past: it does not look at shapes again."""
    hidden, width = up.shape
    shapes = {
        "x": (x.shape[1:], (width,)),
        "stream": (stream.shape, x.shape),
        "down": (down.shape, (width, hidden)),
        "rows": ((rows.dim(),), (1,)),
    }
    for name, (is_, should) in shapes.items():
        if tuple(is_) != tuple(should):
            raise ValueError(f"{name} has shape {tuple(is_)}, not {tuple(should)}.")
    if len({tensor.dtype for tensor in (stream, x, up, down)}) > 1:
        raise ValueError("stream, x, gate_up and down must have one type.")

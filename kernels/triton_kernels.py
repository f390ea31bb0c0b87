# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202, SIM108
"""Holds the Triton side of `gathered_mlp.py` and `grouped_matmul.py`; importing it imports triton.

All kernels are one product seen through an index: a tile of `a[rows] @ b.T` in fp32 (m rows, n columns, k inner). Traps: the tuner must put
`stream` back after a trial (`restore_value`); the first call of a size tunes for tens of seconds and cannot be captured in a CUDA graph.
(No annotation describes a kernel's pointers and tiles, hence the exemptions above. They end with the kernels.) See `docs/log/kernels.md`.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

GROUP_M = 8
"""Tiles of rows that run side by side on the same columns of a weight, for the L2 cache."""
SMALLEST = {"BLOCK_M": 16, "BLOCK_N": 16, "BLOCK_K": 16}
"""What the interpreter runs: a small shape then has many tiles, and edges that do not fit."""
SHAPES = (  # BLOCK_M, BLOCK_N, BLOCK_K, warps, stages
    (128, 256, 64, 8, 3),
    (128, 256, 64, 8, 4),
    (128, 128, 64, 8, 4),
    (128, 128, 64, 4, 3),
    (128, 128, 32, 8, 3),  # fp32 fits its shared memory with this one
    (64, 128, 64, 4, 4),
    (64, 64, 32, 4, 3),
    (32, 64, 128, 4, 4),
    (16, 64, 128, 4, 4),
    (16, 32, 128, 4, 5),
)


@triton.jit
def _place(tile, m_tiles, n_tiles, GROUP_M: tl.constexpr):
    """Return the (m, n) place of a tile: columns of GROUP_M row tiles, one after the other."""
    group = tile // (GROUP_M * n_tiles)
    first = group * GROUP_M
    height = tl.minimum(m_tiles - first, GROUP_M)
    within = tile - group * GROUP_M * n_tiles
    return first + within % height, within // height


@triton.jit
def _product(
    a_rows, b, b_tiles, b_row, n_base, N, K, stride_b,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    EVEN_K: tl.constexpr, DESCRIBED: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Multiply rows, given as pointers [BLOCK_M, 1], by rows n_base.. of b; fp32.

    `b_row` is the row of b (and of its descriptor) where this weight begins.
    """
    ks = tl.arange(0, BLOCK_K)
    columns = n_base + tl.arange(0, BLOCK_N)
    columns = tl.where(columns < N, columns, 0)  # read something valid; never stored
    a = a_rows + ks[None, :]
    b_rows = b + (b_row + columns).to(tl.int64)[:, None] * stride_b + ks[None, :]
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(0, K, BLOCK_K):
        if EVEN_K:
            left = tl.load(a + k)
        else:
            left = tl.load(a + k, mask=ks[None, :] < K - k, other=0.0)
        if DESCRIBED:
            right = b_tiles.load([b_row + n_base, k])  # beyond K it gives zeros
        elif EVEN_K:
            right = tl.load(b_rows + k)
        else:
            right = tl.load(b_rows + k, mask=ks[None, :] < K - k, other=0.0)
        total = tl.dot(left, right.T, total, input_precision=PRECISION)
    return total


@triton.jit(do_not_specialize=["active", "bound"])
def _up_kernel(
    x, rows, gate_up, b_tiles, hidden, active, bound, N, K, stride_x, stride_up, ups,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP_M: tl.constexpr,
    EVEN_K: tl.constexpr, DESCRIBED: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Write hidden = silu(x[rows] @ gate.T) * (x[rows] @ up.T); up begins at row `ups` of gate_up."""
    m_tile, n_tile = _place(
        tl.program_id(0), tl.cdiv(active, BLOCK_M), tl.cdiv(N, BLOCK_N), GROUP_M
    )
    m = m_tile * BLOCK_M + tl.arange(0, BLOCK_M)
    n = n_tile * BLOCK_N + tl.arange(0, BLOCK_N)
    row = tl.load(rows + m, mask=m < active, other=0).to(tl.int64)
    gate = _product(
        x + row[:, None] * stride_x, gate_up, b_tiles, 0, n_tile * BLOCK_N, N, K, stride_up,
        BLOCK_M, BLOCK_N, BLOCK_K, EVEN_K, DESCRIBED, PRECISION,
    )  # fmt: skip
    up = _product(
        x + row[:, None] * stride_x, gate_up, b_tiles, ups, n_tile * BLOCK_N, N, K, stride_up,
        BLOCK_M, BLOCK_N, BLOCK_K, EVEN_K, DESCRIBED, PRECISION,
    )  # fmt: skip
    value = (gate * tl.sigmoid(gate) * up).to(hidden.dtype.element_ty)
    where = m.to(tl.int64)[:, None] * N + n[None, :]
    tl.store(hidden + where, value, mask=(m < active)[:, None] & (n < N)[None, :])


@triton.jit(do_not_specialize=["active", "bound"])
def _down_kernel(
    hidden, rows, down, b_tiles, stream, active, bound, N, K, stride_down, stride_stream,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP_M: tl.constexpr,
    EVEN_K: tl.constexpr, DESCRIBED: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Do stream[rows] += hidden @ down.T."""
    m_tile, n_tile = _place(
        tl.program_id(0), tl.cdiv(active, BLOCK_M), tl.cdiv(N, BLOCK_N), GROUP_M
    )
    m = m_tile * BLOCK_M + tl.arange(0, BLOCK_M)
    n = n_tile * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = tl.where(m < active, m, 0).to(tl.int64)
    total = _product(
        hidden + inside[:, None] * K, down, b_tiles, 0, n_tile * BLOCK_N, N, K, stride_down,
        BLOCK_M, BLOCK_N, BLOCK_K, EVEN_K, DESCRIBED, PRECISION,
    )  # fmt: skip
    row = tl.load(rows + m, mask=m < active, other=0).to(tl.int64)
    where = stream + row[:, None] * stride_stream + n[None, :]
    mask = (m < active)[:, None] & (n < N)[None, :]
    before = tl.load(where, mask=mask, other=0.0).to(tl.float32)
    tl.store(where, (before + total).to(stream.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=["bound"])
def _grouped_kernel(
    x, order, counts, weights, b_tiles, out, groups, bound, N, K, stride_x,
    GROUPS: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP_M: tl.constexpr,
    EVEN_K: tl.constexpr, DESCRIBED: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Write out[i] = x[i] @ weights[choice[i]].T, for a tile of the rows sorted by choice.

    GROUPS is the number of groups rounded up to a power of two.
    """
    group = tl.arange(0, GROUPS)
    count = tl.load(counts + group, mask=group < groups, other=0).to(tl.int32)
    ends = tl.cumsum((count + BLOCK_M - 1) // BLOCK_M, axis=0)
    m_tiles = tl.max(ends, axis=0)
    n_tiles = tl.cdiv(N, BLOCK_N)
    if tl.program_id(0) >= m_tiles * n_tiles:
        return
    m_tile, n_tile = _place(tl.program_id(0), m_tiles, n_tiles, GROUP_M)
    before = ends <= m_tile
    mine = tl.sum(before.to(tl.int32), axis=0)
    first_tile = tl.max(tl.where(before, ends, 0), axis=0)
    first_row = tl.sum(tl.where(before, count, 0), axis=0)
    size = tl.sum(tl.where(group == mine, count, 0), axis=0)
    m = (m_tile - first_tile) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = n_tile * BLOCK_N + tl.arange(0, BLOCK_N)
    row = tl.load(order + first_row + m, mask=m < size, other=0).to(tl.int64)
    total = _product(
        x + row[:, None] * stride_x, weights, b_tiles, mine * N, n_tile * BLOCK_N, N, K, K,
        BLOCK_M, BLOCK_N, BLOCK_K, EVEN_K, DESCRIBED, PRECISION,
    )  # fmt: skip
    value = total.to(out.dtype.element_ty)
    tl.store(
        out + row[:, None] * N + n[None, :], value, mask=(m < size)[:, None] & (n < N)[None, :]
    )


def gated_mlp_add_(
    stream: Tensor,
    x: Tensor,
    rows: Tensor,
    gate_up: Tensor,
    down: Tensor,
    *,
    described: bool | None = None,
) -> Tensor:
    """Add the gated MLP of the active rows to `stream`; at least one row, the last stride 1.

    `described` lets the weights come by descriptor, where None asks the device.
    """
    x, gate_up, down = _dense(x), _dense(gate_up), _dense(down)
    active, (d, h), ups = rows.numel(), down.shape, len(gate_up) // 2
    hidden = torch.empty(active, h, dtype=x.dtype, device=x.device)
    bound = triton.next_power_of_2(active)
    _launch(
        _up_kernel, (active, h), described, gate_up, {},
        lambda tiles: (x, rows, gate_up, tiles, hidden, active, bound, h, d, x.stride(0),
                       gate_up.stride(0), ups),
    )  # fmt: skip
    _launch(
        _down_kernel, (active, d), described, down, {},
        lambda tiles: (hidden, rows, down, tiles, stream, active, bound, d, h, down.stride(0),
                       stream.stride(0)),
        restored=("stream",),
    )  # fmt: skip
    return stream


def grouped(x: Tensor, choice: Tensor, weights: Tensor, *, described: bool | None = None) -> Tensor:
    """Multiply each row by the weight it chose; neither may be empty."""
    x, weights = _dense(x), weights.contiguous()
    (groups, n, k), rows = weights.shape, x.shape[0]
    choice = choice.long()
    counts = torch.zeros(groups, dtype=torch.int64, device=x.device)
    counts.scatter_add_(0, choice, torch.ones_like(choice))  # bincount would wait for the device
    order = torch.argsort(choice)
    out = torch.empty(rows, n, dtype=x.dtype, device=x.device)
    flat = weights.view(groups * n, k)
    sizes = {"GROUPS": triton.next_power_of_2(groups)}
    bound = triton.next_power_of_2(rows)
    _launch(
        _grouped_kernel, (rows, n), described, flat, sizes,
        lambda tiles: (x, order, counts, flat, tiles, out, groups, bound, n, k, x.stride(0)),
        groups=groups,
    )  # fmt: skip
    return out


def use_descriptors(weight: Tensor) -> bool:
    """Tell whether this device can load tiles of `weight` by descriptor."""
    aligned = weight.data_ptr() % 16 == 0 and weight.stride(0) * weight.itemsize % 16 == 0
    return aligned and weight.is_cuda and torch.cuda.get_device_capability(weight.device) >= (9, 0)


def _launch(
    kernel: Any,
    extent: tuple[int, int],
    described: bool | None,
    weight: Tensor,
    sizes: Mapping[str, Any],
    arguments: Callable[[Any], tuple[Any, ...]],
    *,
    restored: tuple[str, ...] = (),
    groups: int = 0,
) -> None:
    """Run a kernel over all tiles of a result of `extent`, with the best known configuration."""
    rows, columns = extent
    described = use_descriptors(weight) if described is None else described
    constants = {"GROUP_M": GROUP_M, "DESCRIBED": described, "PRECISION": _precision(weight)}

    def grid(meta: Mapping[str, int]) -> tuple[int]:
        m_tiles = most_tiles(rows, groups, meta["BLOCK_M"])
        return (m_tiles * triton.cdiv(columns, meta["BLOCK_N"]),)

    if _interpreted():
        shape = [SMALLEST["BLOCK_N"], SMALLEST["BLOCK_K"]]
        tiles = TensorDescriptor.from_tensor(weight, shape) if described else weight
        run, constants = _heuristic(kernel), {**constants, **SMALLEST}
    else:
        # The tuner sets the block of each trial.
        tiles = TensorDescriptor.from_tensor(weight, [16, 16]) if described else weight
        run = _tuned(kernel, described, restored)
    run[grid](*arguments(tiles), **constants, **sizes)


def most_tiles(rows: int, groups: int, height: int) -> int:
    """Return how many tiles of `height` rows may be needed, however the groups split them.

    A group that is not empty needs at most (size + height - 1) / height of them.
    """
    if not groups:
        return -(-rows // height)
    return (rows + min(groups, rows) * (height - 1)) // height


def _interpreted() -> bool:
    return bool(triton.knobs.runtime.interpret)


def _precision(weight: Tensor) -> str:
    return "ieee" if weight.dtype == torch.float32 else "tf32"  # 16 bits: no effect


def _heuristic(kernel: Any) -> Any:
    return triton.heuristics({"EVEN_K": lambda of: of["K"] % of["BLOCK_K"] == 0})(kernel)


@cache
def _tuned(kernel: Any, described: bool, restored: tuple[str, ...]) -> Any:
    """Return the kernel behind a tuner that remembers the best shape of tiles by size and type."""
    configs = [
        triton.Config(
            {"BLOCK_M": m, "BLOCK_N": n, "BLOCK_K": k},
            num_warps=warps,
            num_stages=stages,
            pre_hook=_set_block if described else None,
        )
        for m, n, k, warps, stages in SHAPES
    ]
    return triton.autotune(
        configs,
        key=[name for name in ("bound", "groups", "N", "K") if name in kernel.arg_names],
        restore_value=list(restored),
        prune_configs_by={"early_config_prune": _fitting},
    )(_heuristic(kernel))


def _set_block(of: Mapping[str, Any]) -> None:
    of["b_tiles"].block_shape = [of["BLOCK_N"], of["BLOCK_K"]]


def _fitting(configs: list[Any], of: Mapping[str, Any], **_: Any) -> list[Any]:
    """Leave out tiles that most rows of a group would leave empty, and slivers of large ones."""
    rows = max(16, of["bound"] // of.get("groups", 1))
    heights = range(64 if rows >= 1024 else 16, rows + 1)
    return [config for config in configs if config.kwargs["BLOCK_M"] in heights]


def _dense(matrix: Tensor) -> Tensor:
    """Return the matrix with neighbouring values in a row next to each other."""
    return matrix if matrix.stride(-1) == 1 else matrix.contiguous()

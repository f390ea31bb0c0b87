"""The active rows' gated MLP: reference and Triton against the exact result, on weird shapes."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.kernels import dispatch, gathered_mlp
from tests.kernels.in_turn import in_turn
from tests.kernels.rounding import U32, accumulated, stored, unit

TYPES = (torch.float32, torch.float16, torch.bfloat16)
SHAPES = {  # tokens, active, width, hidden; the interpreter's tiles are 16 x 16 x 16
    "one active": (40, 1, 32, 64),
    "one token": (1, 1, 16, 16),
    "all active": (48, 48, 32, 64),
    "half active": (64, 32, 48, 96),
    "no multiple of a tile": (37, 19, 33, 65),
    "width below a tile": (20, 17, 5, 7),
    "a single hidden unit": (20, 17, 24, 1),
    "more row tiles than run side by side": (200, 150, 16, 32),
}
REAL = (4096, 2048, 1024, 4096)


def draw(shape, dtype, device="cpu"):
    """Stream, x, rows, gate_up and down of a shape."""
    tokens, active, width, hidden = shape
    generator = torch.Generator().manual_seed(tokens * 1000 + active)

    def normal(*size, scale=1.0):
        drawn = torch.randn(*size, generator=generator, dtype=torch.float64) * scale
        return drawn.to(device, dtype)

    rows = torch.randperm(tokens, generator=generator)[:active].to(device)
    return (
        normal(tokens, width), normal(tokens, width), rows,
        normal(2 * hidden, width, scale=width**-0.5), normal(width, hidden, scale=hidden**-0.5),
    )  # fmt: skip


def exact(stream, x, rows, gate_up, down) -> tuple[Tensor, Tensor]:
    """The result in float64, and how far from it a correct implementation may lie."""
    u = unit(stream.dtype)
    stream64, x64, gate_up64, down64 = (t.double() for t in (stream, x, gate_up, down))
    before = x64[rows] @ gate_up64.T
    off_before = accumulated(x64[rows], gate_up64) + u * before.abs()
    (gate, up), (off_gate, off_up) = before.chunk(2, -1), off_before.chunk(2, -1)
    silu = F.silu(gate)
    # SiLU's slope is at most 1.1; the reference stores it too. The exponential in fp32: 4 u32.
    off_silu = 1.1 * off_gate + u * silu.abs() + 4 * U32 * gate.abs()
    hidden = silu * up
    off = off_silu * up.abs() + silu.abs() * off_up + off_silu * off_up + u * hidden.abs()
    added = hidden @ down64.T
    added_off = stored(off, down64) + accumulated(hidden, down64) + 2 * u * added.abs()
    result = stream64.index_add(0, rows, added)
    allowed = torch.zeros_like(result)
    allowed[rows] = added_off + 2 * u * result[rows].abs() + 1e-30
    return result, allowed


def assert_exact(found: Tensor, arguments) -> None:
    wanted, allowed = exact(*arguments)
    excess = (found.double() - wanted).abs() - allowed
    assert excess.max() <= 0, f"{excess.max():.2e} over the bound"
    inactive = torch.ones(len(found), dtype=torch.bool, device=found.device)
    inactive[arguments[2]] = False
    assert torch.equal(found[inactive], arguments[0][inactive])


def run(arguments, function=gathered_mlp.gated_mlp_add_, **options) -> Tensor:
    """The result on a copy of the stream."""
    return function(arguments[0].clone(), *arguments[1:], **options)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("name", SHAPES)
def test_the_reference_is_exact_within_rounding(name, dtype):
    arguments = draw(SHAPES[name], dtype)
    assert_exact(run(arguments), arguments)


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize(("name", "dtype"), in_turn(TYPES, SHAPES))
def test_triton_is_exact_within_rounding(name, dtype):
    from adabench.kernels import triton_kernels

    arguments = draw(SHAPES[name], dtype)
    assert_exact(run(arguments, triton_kernels.gated_mlp_add_), arguments)


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("shape", [(40, 19, 32, 64), (40, 19, 40, 72), (40, 1, 8, 24)], ids=str)
def test_weights_by_descriptor_give_the_same_bits(shape, dtype):
    """As on Hopper; rows of a weight must then be multiples of 16 bytes, but not of a tile.

    The tile of the last gates reaches into the first ups, whose results nobody stores.
    """
    from adabench.kernels import triton_kernels

    arguments = draw(shape, dtype)
    plain, described = (
        run(arguments, triton_kernels.gated_mlp_add_, described=one) for one in (False, True)
    )
    assert torch.equal(described, plain)


@pytest.mark.usefixtures("interpreter")
def test_triton_takes_views_and_its_own_stream():
    """Rows of a wider buffer, transposed weights, 32-bit indices, x that is the stream."""
    from adabench.kernels import triton_kernels

    stream, _, rows, gate_up, down = draw((30, 11, 32, 48), torch.float32)
    wide = torch.zeros(30, 50)
    wide[:, :32] = stream
    view = wide[:, :32]
    views = (view, view, rows.int(), gate_up.T.contiguous().T, down.T.contiguous().T)
    triton_kernels.gated_mlp_add_(*views)
    assert_exact(view.clone(), (stream, stream, rows, gate_up, down))
    assert not wide[:, 32:].any()


NARROW = 17
"""Of the first hidden units, no multiple of a tile."""


def narrow_draw(dtype, device="cpu"):
    """Arguments that run the first hidden units alone; `down` is a view of the whole matrix."""
    *rest, down = draw((40, 19, 40, 72), dtype, device)
    return (*rest, down[:, :NARROW])


def assert_narrow_exact(found: Tensor, arguments) -> None:
    stream, x, rows, gate_up, down = arguments
    halves = torch.cat([half[:NARROW] for half in gate_up.chunk(2)])
    assert_exact(found, (stream, x, rows, halves, down))


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_the_first_hidden_units_are_an_mlp_of_their_own(dtype):
    arguments = narrow_draw(dtype)
    assert_narrow_exact(run(arguments), arguments)


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("described", [False, True])
def test_triton_runs_the_first_hidden_units(dtype, described):
    from adabench.kernels import triton_kernels

    arguments = narrow_draw(dtype)
    found = run(arguments, triton_kernels.gated_mlp_add_, described=described)
    assert_narrow_exact(found, arguments)


@pytest.mark.parametrize(
    ("place", "size", "says"),
    [(0, (12, 15), "stream"), (1, (12, 15), "x has"), (2, (5, 1), "rows"), (4, (32, 16), "down"),
     (3, (62, 16), "down has shape"), (3, (63, 16), "no gates and ups")],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_refused(place, size, says):
    arguments = list(draw((12, 5, 16, 32), torch.float32))
    arguments[place] = torch.zeros(size)
    with pytest.raises(ValueError, match=says):
        gathered_mlp.gated_mlp_add_(*arguments)


def test_mixed_types_are_refused():
    *rest, down = draw((12, 5, 16, 32), torch.float32)
    with pytest.raises(ValueError, match="one type"):
        gathered_mlp.gated_mlp_add_(*rest, down.half())


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_the_bound_catches_gates_and_ups_that_are_exchanged_and_a_wrong_row(dtype):
    stream, x, rows, gate_up, down = arguments = draw(SHAPES["half active"], dtype)
    exchanged = torch.cat(gate_up.chunk(2)[::-1])
    for wrong in ((stream, x, rows, exchanged, down), (stream, x.roll(1, 0), rows, gate_up, down)):
        with pytest.raises(AssertionError, match="over the bound"):
            assert_exact(run(wrong), arguments)


def test_without_active_rows_nothing_changes():
    stream, x, _, *weights = draw((12, 0, 16, 32), torch.float32)
    before = stream.clone()
    found = gathered_mlp.gated_mlp_add_(stream, x, torch.empty(0, dtype=torch.long), *weights)
    assert found is stream
    assert torch.equal(found, before)


def test_on_the_cpu_the_reference_runs_and_gradients_flow():
    stream, x, rows, gate_up, down = draw((12, 5, 16, 32), torch.float32)
    gate_up.requires_grad_()
    gathered_mlp.gated_mlp_add_(stream, x, rows, gate_up, down).sum().backward()
    assert gate_up.grad is not None
    assert gate_up.grad.abs().sum() > 0
    assert not dispatch.runs_triton(stream, x)


def test_the_floor_at_the_shape_of_the_bar(benchmark_module):
    found = benchmark_module.gather_cost(2048, 1024, 4096, 2)
    assert found.flops == 6 * 2048 * 1024 * 4096
    assert found.moved_bytes == (3 * 1024 * 4096 + 3 * 2048 * 1024) * 2 + 2048 * 8
    assert found.floor_s(1e12, 1e30) == found.flops / 1e12
    assert found.floor_s(1e30, 1e12) == found.moved_bytes / 1e12


def test_importing_costs_neither_torch_nor_triton():
    code = (
        "import sys, adabench.kernels.gathered_mlp, adabench.kernels.grouped_matmul\n"
        "print([name for name in ('torch', 'triton') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("name", [*SHAPES, "real"])
def test_compiled_triton_is_exact_within_rounding(name, dtype, cuda):
    arguments = draw(REAL if name == "real" else SHAPES[name], dtype, cuda)
    with torch.no_grad():
        assert dispatch.runs_triton(*arguments)
        assert_exact(run(arguments), arguments)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_compiled_triton_runs_the_first_hidden_units(dtype, cuda):
    arguments = narrow_draw(dtype, cuda)
    with torch.no_grad():
        assert dispatch.runs_triton(*arguments)
        assert_narrow_exact(run(arguments), arguments)


@pytest.mark.gpu
def test_the_bar_half_the_tokens_are_1_6_times_faster_and_near_the_floor(cuda, benchmark_module):
    over = benchmark_module.ceilings(cuda, "bfloat16")
    row = benchmark_module.gather_row(4096, 0.5, 1024, 4096, "bfloat16", cuda, over)
    assert row.runs == "triton"
    assert row.ratio(row.dense) >= 1.6, row
    assert row.over_floor <= 1.3, row

"""Every formula of ours against one written by hand, and what has none is named."""

import warnings
from collections.abc import Callable

import pytest

from adabench.profilers.compute.flops import UNCOUNTED, Flops
from adabench.profilers.probe import measured

torch = pytest.importorskip("torch")
nn = torch.nn

MODES = {"no_grad": torch.no_grad, "inference": torch.inference_mode}
# sizes: batch, steps, inputs, hidden units, heads, feed-forward
B, T, I, H, F = 2, 7, 6, 5, 16
E = 8


def counted(call: Callable[[], object]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of quantized layers, of nested tensors
        with measured([Flops()]) as values:
            call()
    return dict(values)


def attention(lengths: list[int], width: int) -> int:
    """Four projections, and two products of each sequence with itself."""
    return sum(2 * 4 * n * width**2 + 2 * 2 * n**2 * width for n in lengths)


def encoder(lengths: list[int], width: int, hidden: int) -> int:
    return attention(lengths, width) + 2 * 2 * sum(lengths) * width * hidden


def recurrence(gates: int, inputs: int, hidden: int) -> int:
    return 2 * B * T * gates * hidden * (inputs + hidden)


def quantized() -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = nn.Sequential(nn.Linear(I, 4))
        return torch.ao.quantization.quantize_dynamic(layer, {nn.Linear}, dtype=torch.qint8)


def sparse() -> object:
    """A matrix (4, 6) of five numbers."""
    dense = torch.zeros(4, 6)
    dense.view(-1)[:5] = 1.0
    return dense


def cases() -> dict[str, tuple[Callable[[], object], int]]:
    a, v, x = torch.randn(4, 6), torch.randn(6), torch.randn(B, T, I)
    tokens = torch.randn(B, T, E)
    lstm, deep = nn.LSTM(I, H, batch_first=True), nn.LSTM(I, H, 2, bidirectional=True)
    layer = nn.TransformerEncoderLayer(E, 2, F, batch_first=True).eval()
    heads = nn.MultiheadAttention(E, 2, batch_first=True).eval()
    eights = torch.ones(32, 48, dtype=torch.int8), torch.ones(48, 16, dtype=torch.int8)
    packed = quantized()
    columns = torch.randn(6, 3)
    return {
        "mv": (lambda: a @ v, 2 * 4 * 6),
        "addmv": (lambda: torch.addmv(torch.zeros(4), a, v), 2 * 4 * 6),
        "dot": (lambda: v @ v, 2 * 6),
        "vdot": (lambda: torch.vdot(v, v), 2 * 6),
        "addr": (lambda: torch.addr(torch.zeros(4, 6), torch.ones(4), v), 2 * 4 * 6),
        "lstm": (lambda: lstm(x), recurrence(4, I, H)),
        "deep lstm": (
            lambda: deep(x.transpose(0, 1)),
            2 * (recurrence(4, I, H) + recurrence(4, 2 * H, H)),
        ),
        "gru": (lambda: nn.GRU(I, H, batch_first=True)(x), recurrence(3, I, H)),
        "encoder": (lambda: layer(tokens), encoder([T] * B, E, F)),
        "attention": (lambda: heads(tokens, tokens, tokens, need_weights=False),
                      attention([T] * B, E)),
        "int8": (lambda: torch._int_mm(*eights), 2 * 32 * 48 * 16),
        "dynamically quantized": (lambda: packed(torch.randn(3, I)), 2 * 3 * I * 4),
        "sparse": (lambda: torch.sparse.mm(sparse().to_sparse(), columns), 2 * 5 * 3),
        "rows": (lambda: sparse().to_sparse_csr() @ columns, 2 * 5 * 3),
        "rows by a vector": (lambda: sparse().to_sparse_csr() @ v, 2 * 5),
        "in place": (lambda: torch.zeros(4, 3).addmm_(a, columns), 2 * 4 * 6 * 3),
        "batch in place": (
            lambda: torch.zeros(5, 4, 3).baddbmm_(a.expand(5, 4, 6), columns.expand(5, 6, 3)),
            2 * 5 * 4 * 6 * 3,
        ),
        "dense": (lambda: a @ columns, 2 * 4 * 6 * 3),
    }  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", cases())
def test_what_torch_does_not_count_is_counted_by_hand(name: str, mode: str):
    call, expected = cases()[name]
    with MODES[mode]():
        assert counted(call) == {"flops": float(expected)}


def test_an_encoder_with_padding_takes_the_fast_path_over_what_is_there():
    layer = nn.TransformerEncoderLayer(E, 2, F, batch_first=True)
    stack = nn.TransformerEncoder(layer, 2, enable_nested_tensor=True).eval()
    padding = torch.zeros(B, T, dtype=torch.bool)
    padding[1, 4:] = True
    with torch.inference_mode():
        found = counted(lambda: stack(torch.randn(B, T, E), src_key_padding_mask=padding))
    assert found == {"flops": 2.0 * encoder([T, 4], E, F)}


def test_training_counts_what_the_parts_do():
    a, v = torch.randn(4, 6, requires_grad=True), torch.randn(6)
    forward = counted(lambda: a @ v)
    both = counted(lambda: (a @ v).sum().backward())
    assert forward["flops"] == 48
    assert both["flops"] >= forward["flops"]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: torch.cdist(torch.ones(30, 4), torch.ones(30, 4)), "aten._euclidean_dist"),
        (lambda: torch.linalg.cholesky(torch.eye(4)), "aten.linalg_cholesky_ex"),
        (lambda: torch.fft.fft(torch.ones(8)), "aten._fft_r2c"),
        (lambda: torch.linalg.solve(torch.eye(4), torch.ones(4, 1)), "aten._linalg_solve_ex"),
    ],
)
def test_work_without_a_formula_is_named_and_gives_no_figure(call: Callable[[], object], name: str):
    assert counted(call) == {name + UNCOUNTED: 1.0}


def test_a_kernel_of_ones_own_is_named():
    library = torch.library.Library("adabench_test", "DEF")
    library.define("square(Tensor x) -> Tensor")
    library.impl("square", lambda x: x * x, "CompositeExplicitAutograd")
    with torch.no_grad():
        found = counted(lambda: torch.ops.adabench_test.square(torch.ones(3)) @ torch.ones(3))
    assert found == {"flops": 6.0, "adabench_test.square" + UNCOUNTED: 1.0}


def test_work_that_grows_with_its_elements_alone_is_not_named():
    x = torch.randn(4, 6)
    act = nn.functional
    found = counted(lambda: torch.softmax(torch.relu(x + 1).cumsum(1), 1).sum().sort())
    found |= counted(lambda: act.celu_(act.elu_(act.gelu(act.silu(x.clone()).relu_()))))
    found |= counted(lambda: act.layer_norm(x, (6,)).norm() + torch.linalg.vector_norm(x))
    found |= counted(lambda: act.interpolate(torch.ones(1, 1, 4), 8, mode="linear"))
    assert found == {}

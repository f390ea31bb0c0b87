"""Each row times the weight it chose: reference and Triton, groups empty, huge and single."""

import pytest
import torch

from adabench.kernels import dispatch, grouped_matmul
from tests.kernels.in_turn import in_turn
from tests.kernels.rounding import accumulated, unit

TYPES = (torch.float32, torch.float16, torch.bfloat16)
SPLITS = {  # rows per group
    "even": (16, 16, 16, 16),
    "empty at the ends and within": (0, 20, 0, 0, 7, 0),
    "one huge group": (0, 100, 1, 0),
    "single rows": (1, 1, 1),
    "one group": (33,),
    "one row": (0, 1),
    "no multiple of a tile": (17, 31, 5),
    "many groups": tuple(i % 3 for i in range(20)),
}
SIZES = ((32, 48), (33, 17), (5, 1))


def draw(split, size, dtype, device="cpu"):
    inner, outer = size
    generator = torch.Generator().manual_seed(sum(split) + inner)
    choice = torch.repeat_interleave(torch.arange(len(split)), torch.tensor(split))
    choice = choice[torch.randperm(len(choice), generator=generator)].to(device)
    x = torch.randn(len(choice), inner, generator=generator)
    weights = torch.randn(len(split), outer, inner, generator=generator)
    return x.to(device, dtype), choice, weights.to(device, dtype)


def assert_exact(found, x, choice, weights):
    wanted = torch.empty(len(x), weights.shape[1], dtype=torch.float64, device=x.device)
    allowed = torch.empty_like(wanted)
    for group, weight in enumerate(weights.double()):
        mine = choice == group
        wanted[mine] = x[mine].double() @ weight.T
        allowed[mine] = accumulated(x[mine].double(), weight)
    allowed += unit(x.dtype) * wanted.abs()
    excess = (found.double() - wanted).abs() - allowed
    assert found.shape == wanted.shape
    assert excess.numel() == 0 or excess.max() <= 0, f"{excess.max():.2e} over the bound"


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", SPLITS)
def test_the_reference_is_exact_within_rounding(name, size, dtype):
    arguments = draw(SPLITS[name], size, dtype)
    assert_exact(grouped_matmul.reference(*arguments), *arguments)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", SPLITS)
def test_sorted_segments_are_exact_within_rounding(name, size, dtype):
    arguments = draw(SPLITS[name], size, dtype)
    assert_exact(grouped_matmul.grouped(*arguments), *arguments)


@pytest.mark.parametrize("name", SPLITS)
def test_sorted_segments_have_the_gradients_of_the_reference(name):
    gradients = []
    for product in (grouped_matmul.reference, grouped_matmul.grouped):
        x, choice, weights = draw(SPLITS[name], (12, 9), torch.float64)
        x.requires_grad_(), weights.requires_grad_()
        product(x, choice, weights).square().sum().backward()
        gradients.append((x.grad, weights.grad))
    for wanted, found in zip(*gradients, strict=True):
        torch.testing.assert_close(found, wanted)


def test_sorted_segments_compute_chosen_rows_alone(monkeypatch):
    """Rows of products in forward and backward, counted: those of the choices, and no other."""
    counted = []

    def product(left, right, *, out):
        counted.append((tuple(left.shape), tuple(right.shape)))
        return plain(left, right, out=out)

    plain = torch.mm
    monkeypatch.setattr(torch, "mm", product)
    x, choice, weights = draw((0, 20, 0, 7), (6, 5), torch.float32)
    grouped_matmul.grouped(x.requires_grad_(), choice, weights.requires_grad_()).sum().backward()
    forward, backward = counted[:2], counted[2:]
    assert forward == [((20, 6), (6, 5)), ((7, 6), (6, 5))]
    assert sorted(backward) == [
        ((5, 7), (7, 6)),
        ((5, 20), (20, 6)),
        ((7, 5), (5, 6)),
        ((20, 5), (5, 6)),
    ]


def test_counts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit 3 rows"):
        grouped_matmul.sorted_segments(torch.ones(3, 2), torch.tensor([1, 1]), torch.ones(2, 4, 2))


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize(("name", "size", "dtype"), in_turn(TYPES, SPLITS, SIZES))
def test_triton_is_exact_within_rounding(name, size, dtype):
    from adabench.kernels import triton_kernels

    arguments = draw(SPLITS[name], size, dtype)
    assert_exact(triton_kernels.grouped(*arguments), *arguments)


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("name", ["one huge group", "no multiple of a tile"])
def test_weights_by_descriptor_give_the_same_bits(name):
    """The last tile of a group's columns then reads into the next group's weight."""
    from adabench.kernels import triton_kernels

    arguments = draw(SPLITS[name], (24, 40), torch.float16)
    plain = triton_kernels.grouped(*arguments, described=False)
    assert torch.equal(triton_kernels.grouped(*arguments, described=True), plain)


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("split", [(0, 0, 1), (5, 0, 9), (16, 17, 1), (1,) * 40, (64,)])
@pytest.mark.parametrize("height", [1, 16, 128])
def test_the_grid_has_room_for_every_split(split, height):
    from adabench.kernels.triton_kernels import most_tiles

    needed = sum(-(-size // height) for size in split)
    assert needed <= most_tiles(sum(split), len(split), height) <= needed + len(split)


def test_no_rows_give_no_results():
    assert grouped_matmul.grouped(
        torch.empty(0, 4), torch.empty(0).long(), torch.ones(2, 3, 4)
    ).shape == (
        0,
        3,
    )


@pytest.mark.usefixtures("interpreter")
def test_the_bound_catches_a_wrong_choice():
    from adabench.kernels import triton_kernels

    for dtype in TYPES:
        x, choice, weights = draw(SPLITS["no multiple of a tile"], (32, 48), dtype)
        found = triton_kernels.grouped(x, choice.roll(1), weights)
        with pytest.raises(AssertionError, match="over the bound"):
            assert_exact(found, x, choice, weights)


@pytest.mark.parametrize(
    ("x", "choice", "weights", "says"),
    [
        ((4, 3), (4,), (2, 5, 4), "are not"),
        ((4, 3), (5,), (2, 5, 3), "choice"),
        ((4, 3, 1), (4,), (2, 5, 3), "are not"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(x, choice, weights, says):
    with pytest.raises(ValueError, match=says):
        grouped_matmul.grouped(torch.ones(x), torch.zeros(choice).long(), torch.ones(weights))


def test_the_floor_counts_only_the_weights_that_somebody_chose(benchmark_module):
    few, many = (benchmark_module.grouped_cost(64, groups, 8, 16, 2) for groups in (2, 3))
    assert few.flops == many.flops == 2 * 64 * 8 * 16
    assert many.moved_bytes - few.moved_bytes == 8 * 16 * 2


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("size", [*SIZES, (1024, 1024)], ids=str)
@pytest.mark.parametrize("name", SPLITS)
def test_compiled_triton_is_exact_within_rounding(name, size, dtype, cuda):
    arguments = draw(SPLITS[name], size, dtype, cuda)
    with torch.no_grad():
        assert dispatch.runs_triton(*arguments)
        assert_exact(grouped_matmul.grouped(*arguments), *arguments)

"""Experts: those that are not chosen are not multiplied, and the sum and its gradient are those of all of them weighed."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.harness.errors import SelectionError
from adabench.workloads.moe.substrate.byte_model import ByteModel, ByteShape, flops, nats
from adabench.workloads.moe.substrate.expert_layer import (
    Counted,
    ExpertLayer,
    balance_loss,
    segment_product,
    subset,
    token_choice,
)
from adabench.workloads.moe.substrate.narrow_layer import NarrowLayer, narrowed, widened

SMALL = ByteShape(width=32, hidden=32, experts=4, chosen=2, layers=2, length=16)


def layer(width: int = 8, hidden: int = 6, experts: int = 5) -> ExpertLayer:
    torch.manual_seed(0)
    return ExpertLayer(width, hidden, experts)


def weighed(one: ExpertLayer, x: Tensor, mixed: Tensor) -> Tensor:
    inner = F.gelu(torch.einsum("nd,ehd->neh", x, one.inner))
    return torch.einsum("neh,edh,ne->nd", inner, one.outer, mixed)


@pytest.mark.parametrize("chosen", [1, 2, 5])
def test_the_sum_and_its_gradient_are_those_of_all_experts_weighed(chosen: int) -> None:
    one, x = layer(), torch.randn(7, 8, requires_grad=True)
    mixed = token_choice(one.scores(x), chosen)
    expected = weighed(one, x, mixed)
    found = one.total(x, mixed, Counted())
    assert torch.allclose(found, expected, atol=1e-5)
    own = torch.autograd.grad(found.square().sum(), [x, *one.parameters()], retain_graph=True)
    other = torch.autograd.grad(expected.square().sum(), [x, *one.parameters()])
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(own, other, strict=True))


def test_what_is_not_chosen_is_not_multiplied() -> None:
    one, x, counted = layer(), torch.randn(7, 8), Counted()
    with torch.no_grad():
        mixed = token_choice(one.scores(x), 1)
        mixed[:, 3] = 0.0
        one.inner[3] = math.nan  # 0 times this is no number
        out = one.total(x, mixed, counted)
    assert out.isfinite().all()
    assert counted.sizes == [(mixed != 0).sum(0).tolist()]
    assert counted.pairs == int((mixed != 0).sum())


def test_equal_segments_go_in_one_product_and_give_the_same() -> None:
    one, rows = layer(), torch.randn(10, 8)
    at_once = segment_product(rows, one.inner, [2] * 5)
    apart = segment_product(torch.cat((rows, rows[:1])), one.inner, [2, 2, 2, 2, 3])
    assert torch.allclose(at_once, apart[:10], atol=1e-6)


def test_a_byte_runs_its_likeliest_experts_with_weights_of_one() -> None:
    scores = torch.tensor([[0.0, 3.0, 1.0, 2.0]])
    two = token_choice(scores, 2)
    assert two.nonzero()[:, 1].tolist() == [1, 3]
    assert two.sum().item() == pytest.approx(1.0)
    assert token_choice(scores, 1)[0, 1].item() == pytest.approx(scores.softmax(1)[0, 1].item())


def test_the_balance_loss_is_least_where_loads_are_even() -> None:
    even, uneven = torch.eye(4) * 9.0, torch.tensor([[9.0, 0.0, 0.0, 0.0]]).repeat(4, 1)
    assert balance_loss(even).item() == pytest.approx(1.0)
    assert balance_loss(uneven).item() == pytest.approx(4.0, rel=0.01)


@pytest.mark.parametrize("chosen", [0, 5])
def test_more_choices_than_experts_are_refused(chosen: int) -> None:
    with pytest.raises(SelectionError, match="cannot choose"):
        ByteShape(experts=4, chosen=chosen)


def test_work_is_that_of_pairs_and_of_what_every_position_runs() -> None:
    torch.manual_seed(0)
    model, tokens = ByteModel(SMALL), torch.randint(256, (3, 16))
    read = model(tokens)
    assert read.counted.pairs == 3 * 16 * 2 * SMALL.layers
    positions = 3 * 16
    expected = read.counted.pairs * SMALL.pair_flops
    expected += positions * (SMALL.layers * SMALL.row_flops + 2 * SMALL.width * SMALL.words)
    assert flops(SMALL, read.counted) == expected
    assert nats(read.logits, tokens).shape == (3,)


def test_a_causal_model_says_the_same_whatever_comes_later() -> None:
    torch.manual_seed(0)
    model, tokens = ByteModel(SMALL), torch.randint(256, (1, 16))
    other = tokens.clone()
    other[:, 9:] = 7
    assert torch.allclose(model(tokens).logits[:, :9], model(other).logits[:, :9], atol=1e-5)


def test_other_layers_leave_the_rest_shared() -> None:
    torch.manual_seed(0)
    model, tokens = ByteModel(SMALL).requires_grad_(False), torch.randint(256, (1, 16))
    same = model.with_layers([subset(one, torch.arange(4)) for one in model.layers])
    assert torch.allclose(model(tokens).logits, same(tokens).logits, atol=1e-5)
    fewer = model.with_layers([subset(one, torch.tensor([0, 2])) for one in model.layers])
    assert fewer.shape.experts == 2
    assert fewer.words is model.words
    assert model.shape.experts == 4


@pytest.mark.parametrize(("bits", "bytes_"), [(8, 64), (4, 32)])
def test_narrow_weights_are_near_and_take_the_bytes_that_they_are_said_to(
    bits: int, bytes_: int
) -> None:
    torch.manual_seed(0)
    weights = torch.randn(3, 64)
    held, scale = narrowed(weights, bits)
    assert held.element_size() * held.shape[1] == bytes_
    wide = widened(held, scale, bits)
    step = scale.float().repeat_interleave(32, 1)
    assert ((wide - weights).abs() <= 0.51 * step + 1e-3 * weights.abs()).all()


def test_a_narrow_layer_multiplies_those_who_run() -> None:
    one = layer(width=32, hidden=32, experts=3).requires_grad_(False)
    narrow, x, counted = NarrowLayer(one, (8, 8, 4)), torch.randn(5, 32), Counted()
    mixed = token_choice(one.scores(x), 2)
    mixed[:, 2] = 0.0
    narrow.get_buffer("inner_scale_2").fill_(math.nan)
    found = narrow.total(x, mixed, counted)
    assert found.isfinite().all()
    assert torch.allclose(found, one.total(x, mixed, Counted()), atol=0.2)

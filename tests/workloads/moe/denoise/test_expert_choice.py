"""Expert choice: even loads, capacities by what is hidden, and weights by who chose."""

import math

import pytest
import torch

from adabench.harness.errors import SelectionError
from adabench.workloads.moe.denoise.recipes import FEWEST, LENGTH, MOST, SHAPE
from adabench.workloads.moe.denoise.substrate.expert_choice import (
    SCHEDULES,
    capacity,
    choose,
    experts_a_byte,
    norm_scales,
    token_weights,
)
from adabench.workloads.moe.denoise.substrate.routings import ExpertRoute, arm_route
from adabench.workloads.moe.substrate.byte_model import ByteModel, ByteShape


def test_every_expert_takes_its_capacity_of_each_sequence() -> None:
    torch.manual_seed(0)
    scores, capacities = torch.randn(3, 8, 4), torch.tensor([2, 5, 1])
    mixed = choose(scores, capacities)
    assert ((mixed != 0).sum(1) == capacities[:, None]).all()
    for batch, count in enumerate(capacities.tolist()):
        for expert in range(4):
            chosen = set(mixed[batch, :, expert].nonzero()[:, 0].tolist())
            assert chosen == set(scores[batch, :, expert].topk(count).indices.tolist())


def test_weights_are_a_softmax_over_those_who_chose_at_the_norm_of_their_number() -> None:
    torch.manual_seed(1)
    scores = torch.randn(2, 8, 4)
    mixed = choose(scores, torch.tensor([3, 3]))
    counts, scale = (mixed != 0).sum(-1), norm_scales(4)
    sums = torch.where(counts > 0, scale[counts], torch.tensor(0.0))
    assert torch.allclose(mixed.sum(-1), sums, atol=1e-5)
    batch, place = (counts >= 2).nonzero()[0].tolist()
    own = mixed[batch, place].nonzero()[:, 0]
    expected = scores[batch, place, own].softmax(0) * scale[len(own)]
    assert torch.allclose(mixed[batch, place, own], expected, atol=1e-5)


def test_the_norm_table_is_that_of_shares_of_gaussian_scores() -> None:
    scale = norm_scales(16)
    assert scale[0] == 1.0
    assert scale[1].item() == pytest.approx(math.sqrt(2))
    assert (scale[1:].diff() > 0).all()  # more shares, a smaller norm


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_have_the_same_mean_and_stay_within_their_ends(name: str) -> None:
    each = [experts_a_byte(name, r / 1000, FEWEST, MOST) for r in range(1001)]
    assert min(each) >= FEWEST
    assert max(each) <= MOST
    if not name.startswith("bell"):
        assert sum(each) / len(each) == pytest.approx(4.0, abs=0.02)


def test_schedules_go_the_way_of_their_names() -> None:
    assert experts_a_byte("linear_reverse", 0.0, FEWEST, MOST) == MOST
    assert experts_a_byte("linear_reverse", 1.0, FEWEST, MOST) == FEWEST
    assert experts_a_byte("linear", 1.0, FEWEST, MOST) == MOST
    with pytest.raises(SelectionError, match="is no schedule"):
        experts_a_byte("stairs", 0.5, FEWEST, MOST)


def test_a_capacity_is_whole_and_one_at_least() -> None:
    assert capacity(64, 4, 16) == 16
    assert capacity(8, 1, 16) == 1
    with pytest.raises(SelectionError, match="cannot take 9 of 8"):
        choose(torch.zeros(1, 8, 2), torch.tensor([9]))


def test_token_choice_has_the_same_norm() -> None:
    scores = torch.randn(5, 16)
    mixed = token_weights(scores, 4)
    assert ((mixed != 0).sum(1) == 4).all()
    assert torch.allclose(mixed.sum(1), norm_scales(16)[4].expand(5), atol=1e-5)


def test_offsets_say_who_is_chosen_and_not_what_it_weighs() -> None:
    torch.manual_seed(2)
    scores, offsets = torch.randn(5, 16), torch.zeros(16)
    assert token_weights(scores, 4, offsets).equal(token_weights(scores, 4))
    offsets[3] = 2.0
    mixed = token_weights(scores, 4, offsets)
    assert (mixed[:, 3] != 0).all()
    own = scores.softmax(-1).masked_fill(mixed == 0, 0.0)
    expected = own / own.sum(-1, keepdim=True) * norm_scales(16)[4]
    assert torch.allclose(mixed, expected, atol=1e-5)


def test_a_causal_model_is_not_read_with_experts_that_choose() -> None:
    model = ByteModel(ByteShape(width=16, hidden=8, experts=4, layers=1, length=8))
    with pytest.raises(SelectionError, match="see what comes after"):
        model(torch.zeros(1, 8, dtype=torch.long), ExpertRoute([2], 8))


def test_an_arm_multiplies_as_many_rows_for_each_expert() -> None:
    torch.manual_seed(0)
    model = ByteModel(SHAPE).requires_grad_(False)
    shown = torch.randint(257, (2, LENGTH))
    reverse = model(shown, arm_route("linear_reverse", [0.1, 0.9], LENGTH)).counted
    each = [
        capacity(LENGTH, k, 16)
        for k in (experts_a_byte("linear_reverse", r, 2, 6) for r in (0.1, 0.9))
    ]
    assert reverse.sizes == [[sum(each)] * 16] * SHAPE.layers
    assert reverse.peak_load == 1.0
    tokens = model(shown, arm_route("token_choice", [0.1, 0.9], LENGTH)).counted
    assert tokens.pairs == 2 * LENGTH * 4 * SHAPE.layers
    assert tokens.peak_load > 1.0

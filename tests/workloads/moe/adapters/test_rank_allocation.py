"""AdaLoRA's budget and its choice, by themselves and against `peft`'s."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from adabench.workloads.moe.adapters.substrate import rank_allocation
from adabench.workloads.moe.adapters.substrate.adapter import forward
from adabench.workloads.moe.adapters.substrate.base_model import SITES, Site
from adabench.workloads.moe.adapters.substrate.rank_allocation import (
    FIRST,
    LAST,
    Allocation,
    budget,
    fresh_adalora,
    fresh_triplets,
    ranks_by_lot,
    ranks_of,
    triplets,
)
from tests.workloads.moe.adapters.benches import generator, step, stirred, untrained

STEPS = 450


def even(rank: int) -> dict[str, int]:
    return {site.name: rank for site in SITES}


def with_gradients(weights: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    noise = generator(seed)
    found = {name: value.clone().requires_grad_() for name, value in weights.items()}
    for value in found.values():
        value.grad = torch.randn(value.shape, generator=noise)
    return found


def after_an_optimiser(own: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Return weights as the next step meets them: moved, so that what was cut may come back."""
    return stirred({name: value.detach() for name, value in own.items()}, seed)


def test_the_budget_falls_from_six_to_four_a_site_and_stays() -> None:
    rows = [budget(at, STEPS, FIRST * 12, LAST * 12)[0] for at in range(STEPS)]
    assert rows[0] == 72
    assert rows[-1] == 48
    assert rows == sorted(rows, reverse=True)
    assert rows[STEPS - int(0.3 * STEPS) + 1] == 48


def test_as_many_triplets_are_left_as_the_budget_allows() -> None:
    weights = stirred(fresh_adalora(generator()).weights)
    allocation = Allocation(LAST * 12)
    for at in range(60):
        own = with_gradients(weights, at)
        allocation.follow(own, at, 60)
        weights = after_an_optimiser(own, at)
    ranks = ranks_of(own)
    assert sum(ranks.values()) == LAST * 12
    assert len(set(ranks.values())) > 1


def test_a_triplet_without_gradient_is_cut_before_one_with() -> None:
    weights = stirred(fresh_triplets(even(FIRST), generator()).weights)
    allocation = Allocation(LAST * 12)
    for at in range(60):
        own = with_gradients(weights, at)
        for name, value in own.items():
            if name.endswith("0.q") and value.grad is not None:
                value.grad.zero_()
        allocation.follow(own, at, 60)
        weights = after_an_optimiser(own, at)
    assert ranks_of(own)["0.q"] == 0
    assert sum(ranks_of(own).values()) == LAST * 12


def test_cut_triplets_are_not_read_and_change_nothing() -> None:
    weights = stirred(fresh_triplets(even(FIRST), generator()).weights)
    weights["e.0.up"][2:] = 0.0
    weights["e.1.q"][:] = 0.0
    whole = rank_allocation.fresh_triplets(even(FIRST), generator())
    whole.weights.update(weights)
    read = triplets(weights)
    assert ranks_of(read.weights)["0.up"] == 2
    assert "e.1.q" not in read.weights
    base = untrained()
    said, wanted = forward(step(base), read), forward(step(base), whole)
    torch.testing.assert_close(said, wanted, atol=1e-4, rtol=1e-5)


def test_ranks_by_lot_are_the_same_ranks_elsewhere() -> None:
    ranks = {site.name: place % 7 for place, site in enumerate(SITES)}
    found = ranks_by_lot(ranks, generator(3))
    assert sorted(found.values()) == sorted(ranks.values())
    assert found != ranks


def test_uncertainty_is_taken_against_the_average_of_the_same_step() -> None:
    """AdaLoRA's equations 7 and 8 by hand: the average first, then the distance from it."""
    allocation, mean, spread = Allocation(LAST), 0.0, 0.0
    for at, (value, gradient) in enumerate([(2.0, 3.0), (1.0, -4.0), (5.0, 0.5)]):
        weight = torch.full((3,), value, requires_grad=True)
        weight.grad = torch.full((3,), gradient)
        allocation.follow({"e.x": weight}, at, 1000)
        sensitivity = abs(value * gradient)
        mean = 0.85 * mean + 0.15 * sensitivity
        spread = 0.85 * spread + 0.15 * abs(sensitivity - mean)
        torch.testing.assert_close(allocation.average["e.x"], torch.full((3,), mean))
        torch.testing.assert_close(allocation.spread["e.x"], torch.full((3,), spread))


def peft_model(sites: tuple[Site, ...], **config: Any) -> Any:
    peft = pytest.importorskip("peft", reason="pip install 'adabench[models]' brings it")

    class Several(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for place, site in enumerate(sites):
                setattr(self, f"site{place}", nn.Linear(site.inner, site.outer))

        def forward(self, x: Tensor, place: int) -> Tensor:
            return getattr(self, f"site{place}")(x)

    names = [f"site{place}" for place in range(len(sites))]
    settings = peft.AdaLoraConfig(init_r=FIRST, target_r=LAST, target_modules=names, **config)
    return peft.get_peft_model(Several(), settings)


@pytest.mark.parametrize("steps", [60, 450])
def test_the_schedule_is_pefts(steps: int) -> None:
    warm, final = int(0.1 * steps), int(0.3 * steps)
    model = peft_model(SITES, total_step=steps, tinit=warm, tfinal=final, deltaT=10)
    allocator = model.base_model.rankallocator
    for at in range(steps):
        assert budget(at, steps, FIRST * 12, LAST * 12) == allocator.budget_schedule(at)


def test_the_choice_is_pefts_step_by_step() -> None:
    """The same weights and gradients for 60 steps: the same triplets are zero after each."""
    steps = 60
    model = peft_model(SITES, total_step=steps, tinit=6, tfinal=18, deltaT=10)
    weights = stirred(fresh_triplets(even(FIRST), generator()).weights)
    allocation = Allocation(LAST * len(SITES))
    for at in range(steps):
        own = with_gradients(weights, at)
        for place, site in enumerate(SITES):
            layer = getattr(model.base_model.model, f"site{place}")
            for parts, name in ((layer.lora_A, "q"), (layer.lora_B, "p"), (layer.lora_E, "e")):
                value, mine = parts["default"], own[f"{name}.{site.name}"]
                assert mine.grad is not None
                value.data = mine.detach().clone().view(value.shape)
                value.grad = mine.grad.clone().view(value.shape)
        allocation.follow(own, at, steps)
        model.base_model.update_and_allocate(at)
        for place, site in enumerate(SITES):
            theirs = getattr(model.base_model.model, f"site{place}").lora_E["default"].detach()
            assert torch.equal(own[f"e.{site.name}"].detach(), theirs.view(-1)), (at, site.name)
        weights = after_an_optimiser(own, at)
    assert sum(ranks_of(own).values()) == LAST * len(SITES)


def test_what_triplets_add_is_pefts() -> None:
    site, base = Site(0, "up"), untrained()
    model = peft_model((site,), total_step=60, tinit=6, tfinal=18, lora_alpha=FIRST).eval()
    layer = model.base_model.model.site0
    weight, bias = base.linear(site.name)
    layer.base_layer.load_state_dict({"weight": weight, "bias": bias})
    weights = {
        name: 0.3 * value
        for name, value in stirred(fresh_triplets(even(FIRST), generator()).weights).items()
    }
    layer.lora_A["default"].data = weights[f"q.{site.name}"].clone()
    layer.lora_B["default"].data = weights[f"p.{site.name}"].clone()
    layer.lora_E["default"].data = weights[f"e.{site.name}"].clone().view(-1, 1)
    # `peft` divides by the rank plus 1e-5; the rank alone is what is compared.
    layer.ranknum["default"].data.fill_(FIRST - 1e-5)
    x = torch.randn(6, 10, site.inner, generator=generator(1))
    adapter = triplets(weights)
    found = adapter.linear(adapter.weights, site, x, step(base))
    torch.testing.assert_close(found, layer(x), atol=1e-6, rtol=1e-6)


def test_the_penalty_is_pefts_and_nothing_for_orthogonal_triplets() -> None:
    weights = fresh_triplets(even(FIRST), generator()).weights
    own = dict(weights)
    for name, value in weights.items():
        if name[0] in "qp":
            tall = value.T if name[0] == "q" else value
            square = torch.linalg.qr(tall).Q
            own[name] = square.T if name[0] == "q" else square
    adapter = fresh_triplets(even(FIRST), generator())
    assert adapter.penalty is not None
    run = step(untrained())
    assert float(adapter.penalty(own, run)) < 1e-5
    doubled = {name: 2 * value if name[0] in "qp" else value for name, value in own.items()}
    # |4 I - I| of rank six, halved
    assert float(adapter.penalty(doubled, run)) == pytest.approx(0.5 * 3 * FIRST**0.5, rel=1e-4)

"""The trainer: rates, gradients, the mean of weights, progress, and the same bytes from the same seed."""

import math
from collections.abc import Iterable, Iterator

import pytest
import torch
from torch import Tensor, nn

from adabench.workloads.shared.training import schedule
from adabench.workloads.shared.training.trainer import RunningMean, Trainer, seeded

STEPS = 8


def descent(
    weight: Tensor, rate: float = 0.5, clip: float | None = None, clipped: Iterable[Tensor] = ()
) -> Trainer:
    return Trainer(torch.optim.SGD([weight], lr=rate), clip=clip, clipped=clipped)


def test_a_trapezoid_rises_stays_and_falls_to_its_last_share() -> None:
    rate = schedule.trapezoid(10, 4, 0.5, 0.2)
    assert [rate(2.0, step) for step in range(4)] == [0.5, 1.0, 1.5, 2.0]
    assert rate(2.0, 5) == 2.0
    assert [rate(2.0, step) for step in (6, 8)] == pytest.approx([1.68, 1.04])
    assert rate(2.0, 10) == pytest.approx(0.4)


def test_a_later_phase_warms_up_again_and_falls_with_the_whole() -> None:
    rate = schedule.trapezoid(10, 2, 0.8, 0.0, first=6)
    assert [rate(1.0, step) for step in (6, 7, 8)] == [0.5, 1.0, 1.0]
    assert rate(1.0, 9) == pytest.approx(0.5)


def test_cosines_fall_by_half_a_turn_to_their_last_share() -> None:
    for rate in (schedule.cosine(8), schedule.cosine_by_share(8)):
        assert [rate(2.0, step) for step in (0, 4, 8)] == pytest.approx([2.0, 1.0, 0.0])
    assert schedule.cosine(8, warm_up=4)(2.0, 0) == pytest.approx(0.5)
    assert schedule.cosine_by_share(8, last=0.05)(1.0, 8) == pytest.approx(0.05)


def test_groups_keep_their_own_peaks_at_each_step() -> None:
    slow, fast = (torch.zeros(1, requires_grad=True) for _ in range(2))
    groups = [{"params": [slow], "lr": 0.1}, {"params": [fast], "lr": 1.0}]
    trainer = Trainer(torch.optim.SGD(groups), schedule=schedule.trapezoid(2, 2, 0.9, 1.0))
    trainer.fit(lambda step: (slow + fast).sum(), 2)
    assert [slow.item(), fast.item()] == pytest.approx([-0.15, -1.5])


def test_gradients_of_several_losses_add_up_and_each_goes_back_before_the_next() -> None:
    weight, seen = torch.ones(1, requires_grad=True), list[Tensor | None]()

    def losses(step: int) -> Iterator[Tensor]:
        for factor in (1.0, 3.0):
            seen.append(None if weight.grad is None else weight.grad.clone())
            yield (factor * weight).sum()

    descent(weight).fit(losses, 1)
    assert seen == [None, torch.tensor([1.0])]
    assert weight.item() == 1.0 - 0.5 * 4


def test_a_loss_may_leave_its_gradients_instead() -> None:
    weight = torch.ones(1, requires_grad=True)

    def slope(step: int) -> tuple[Tensor, ...]:
        weight.grad = torch.tensor([2.0])
        return ()

    descent(weight).fit(slope, 1)
    assert weight.item() == 0.0


@pytest.mark.parametrize(("clip", "moved"), [(None, 5.0), (1.0, 1.0), (9.0, 5.0)])
def test_the_norm_of_a_gradient_is_limited(clip: float | None, moved: float) -> None:
    weight = torch.zeros(2, requires_grad=True)
    descent(weight, 1.0, clip).fit(lambda step: weight @ torch.tensor([3.0, 4.0]), 1)
    assert float(weight.detach().norm()) == pytest.approx(moved, rel=1e-5)


def test_the_limit_counts_the_weights_that_are_named() -> None:
    weight, other = (torch.zeros(1, requires_grad=True) for _ in range(2))
    trainer = descent(weight, 1.0, 1.0, [weight, other])
    trainer.fit(lambda step: (3 * weight + 4 * other).sum(), 1)
    assert weight.item() == pytest.approx(-0.6, rel=1e-5)


def test_several_optimisers_step_together() -> None:
    one, two = (torch.zeros(1, requires_grad=True) for _ in range(2))
    optimisers = (torch.optim.SGD([weight], lr=rate) for weight, rate in ((one, 1.0), (two, 2.0)))
    Trainer(*optimisers).fit(lambda step: (one + two).sum(), 2)
    assert [one.item(), two.item()] == [-2.0, -4.0]


def test_progress_is_told_of_each_step_of_all() -> None:
    weight, told = torch.zeros(1, requires_grad=True), list[tuple[int, int]]()
    descent(weight).fit(lambda step: weight.sum(), 3, lambda *now: told.append(now))
    descent(weight).fit(
        lambda step: weight.sum(), 9, lambda *now: told.append(now), first=3, last=5
    )
    assert told == [(1, 3), (2, 3), (3, 3), (4, 9), (5, 9)]


def test_a_training_may_end_before_its_steps() -> None:
    weight = torch.zeros(1, requires_grad=True)
    assert next(descent(weight).follow(lambda step: weight.sum(), STEPS)) == 1
    assert weight.item() == -0.5


def test_the_mean_starts_at_its_first_update_and_follows_the_weights() -> None:
    model = nn.Linear(1, 1, bias=False)
    mean = RunningMean(model, 0.75)
    for value in (4.0, 8.0, 0.0):
        nn.init.constant_(model.weight, value)
        mean.update()
    assert float(mean.weights["weight"]) == 0.75 * (0.75 * 4 + 0.25 * 8)


def trained(seed: int) -> bytes:
    with seeded(seed):
        model = nn.Linear(16, 4)
        optimiser = torch.optim.AdamW(model.parameters(), lr=0.01, fused=True)
        trainer = Trainer(optimiser, schedule=schedule.cosine(STEPS), clip=1.0)
        trainer.fit(lambda step: model(torch.randn(8, 16)).square().mean(), STEPS)
    return b"".join(value.detach().numpy().tobytes() for value in model.parameters())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert trained(1) == trained(1) != trained(2)


def test_draws_and_threads_are_as_they_were_after_a_training_that_failed() -> None:
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), seeded(3):
        assert torch.get_num_threads() == 1
        assert math.isfinite(float(torch.rand(1)))
        raise ZeroDivisionError
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads

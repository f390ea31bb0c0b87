"""Adaptation: what is trained, for how long, and what it is counted as."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from adabench.workloads.moe.adapters.substrate import few_shot, inventory, lora_experts
from adabench.workloads.moe.adapters.substrate.adapter import NOTHING, Adapter, forward
from adabench.workloads.moe.adapters.substrate.few_shot import Examples, Schedule, adapt
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import (
    examples_and_tests,
    held_out_tasks,
)
from adabench.workloads.moe.adapters.substrate.low_rank import fresh_lora
from tests.workloads.moe.adapters.benches import generator, stirred, untrained


def examples() -> Examples:
    shown, _ = examples_and_tests(np.random.default_rng(0), held_out_tasks()[0], 32, 1)
    return Examples(shown.tokens, shown.answers)


def mhr() -> Adapter:
    fresh = inventory.fresh_inventory(4, 8, 4, generator())
    return inventory.for_new_task(stirred(fresh.weights), generator())


def experts() -> Adapter:
    weights = stirred(lora_experts.fresh_experts(generator()))
    return lora_experts.experts(weights, lora_experts.hybrid())


def test_only_what_is_trained_moves() -> None:
    base, adapter = untrained(), mhr()
    frozen = {name: value.clone() for name, value in base.weights.items()}
    first = {name: value.clone() for name, value in adapter.weights.items()}
    after, steps = adapt(base, adapter, examples(), Schedule(1e-2, 5), Work(), 0)
    assert steps == 5
    moved = {name for name in first if not torch.equal(first[name], after.weights[name])}
    assert moved == set(adapter.trained)
    assert all(torch.equal(frozen[name], base.weights[name]) for name in frozen)
    assert all(weight.grad is None for weight in base.weights.values())
    assert all(torch.equal(first[name], adapter.weights[name]) for name in first)


def test_an_adapter_of_nothing_takes_no_step() -> None:
    work = Work()
    after, steps = adapt(untrained(), NOTHING, examples(), Schedule(1e-2, 5), work, 0)
    assert (steps, after.trained_parameters, work.flops) == (0, 0, 0)


def test_seconds_end_an_adaptation_by_the_clock_that_it_is_given() -> None:
    """A clock that says one second more each time it is asked: once at the start, once a step."""
    seconds = iter(range(100))
    schedule = Schedule(1e-2, 5, seconds=12.0, clock=lambda: float(next(seconds)))
    _, steps = adapt(untrained(), fresh_lora(2, generator()), examples(), schedule, Work(), 0)
    assert steps == 12


def test_a_method_that_draws_sees_the_batches_of_one_that_does_not() -> None:
    seen: dict[str, list[torch.Tensor]] = {}
    for name, rule in (("top", lora_experts.top(2)), ("coin", lora_experts.coin(2))):
        adapter = lora_experts.experts(lora_experts.fresh_experts(generator()), rule)
        spied = _spy(adapter, seen.setdefault(name, []))
        adapt(untrained(), spied, examples(), Schedule(1e-2, 3), Work(), 0)
    assert len(seen["top"]) == 3
    for one, other in zip(seen["top"], seen["coin"], strict=True):
        assert torch.equal(one, other)


def _spy(adapter: Adapter, into: list[torch.Tensor]) -> Adapter:
    def watch(weights, place, x, step):  # type: ignore[no-untyped-def]
        if place == "embedded":
            into.append(step.tokens)
        return x

    return Adapter(adapter.weights, linear=adapter.linear, state=watch)


@pytest.mark.parametrize("make", [lambda: fresh_lora(4, generator()), mhr])
def test_flops_are_those_that_torch_counts(make: Callable[[], Adapter]) -> None:
    """Forward and backward of one step, on an adapter whose weights are all trained and not zero."""
    adapter, work = make(), Work()
    adapter = Adapter(stirred(adapter.weights), linear=adapter.linear, still=adapter.still)
    with FlopCounterMode(display=False) as counter:
        adapt(untrained(), adapter, examples(), Schedule(1e-2, 1), work, 0)
    assert work.flops == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_adapting_twice_gives_the_same_weights() -> None:
    for make in (mhr, experts):
        one, other = (
            adapt(untrained(), make(), examples(), Schedule(1e-2, 4), Work(), 3)[0]
            for _ in range(2)
        )
        assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)


def test_a_prefix_is_seen_by_all_tokens_and_changes_no_mask() -> None:
    """Keys and values that a rule makes longer stand before the tokens."""
    base = untrained()
    tokens = torch.from_numpy(examples().tokens[:3])

    def longer(weights, place, x, step):  # type: ignore[no-untyped-def]
        if place.endswith((".keys", ".values")):
            return torch.cat([weights[place].expand(len(x), -1, -1), x], dim=1)
        return x

    weights = {
        f"{layer}.{what}": torch.randn(2, 48, generator=generator(layer))
        for layer in range(2)
        for what in ("keys", "values")
    }
    adapter = Adapter(weights, state=longer)
    tasks = torch.zeros(3, dtype=torch.long)
    whole = forward(Pass(base, tokens, tasks, Work()), adapter)
    short = forward(Pass(base, tokens[:, :4], tasks, Work()), adapter)
    torch.testing.assert_close(whole[:, :4], short, atol=1e-5, rtol=1e-5)
    plain = forward(Pass(base, tokens, tasks, Work()), NOTHING)
    assert not torch.allclose(whole, plain, atol=1e-3)


def test_one_seed_for_several_numbers_differs_by_order() -> None:
    assert few_shot.seed_of(1, 2) != few_shot.seed_of(2, 1)

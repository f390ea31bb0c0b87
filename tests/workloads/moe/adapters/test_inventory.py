"""Polytropon and MHR: mixtures of parameters, by rows that belong to tasks."""

import math
from dataclasses import replace

import pytest
import torch

from adabench.workloads.moe.adapters.substrate import inventory
from adabench.workloads.moe.adapters.substrate.adapter import forward
from adabench.workloads.moe.adapters.substrate.base_model import SITES, Site
from adabench.workloads.moe.adapters.substrate.low_rank import fresh_lora, lora
from tests.workloads.moe.adapters.benches import generator, step, stirred, untrained


def mixed(heads: int, skills: int = 4) -> dict[str, torch.Tensor]:
    return stirred(inventory.fresh_inventory(skills, heads, 4, generator()).weights)


@pytest.mark.parametrize("heads", [1, 4, 8])
def test_a_mixture_is_that_of_the_paper_head_by_head(heads: int) -> None:
    """Written as loops over sequences, heads and skills, in double precision."""
    base, weights, site = untrained(), mixed(heads), Site(1, "down")
    run = step(base)
    x = torch.randn(6, 10, site.inner, generator=generator(1))
    found = inventory.inventory(weights).linear(weights, site, x, run) - run.frozen(site, x)
    a, b = weights[f"a.{site.name}"].double(), weights[f"b.{site.name}"].double()
    for row, task in enumerate(run.tasks):
        z = weights["z.all"][SITES.index(site), task].double().sigmoid().view(heads, 4)
        alpha = z / z.sum(1, keepdim=True)
        into = torch.cat([sum(alpha[h, s] * a[h, s] for s in range(4)) for h in range(heads)])
        out_of = torch.cat([sum(alpha[h, s] * b[h, s] for s in range(4)) for h in range(heads)], 1)
        wanted = x[row].double() @ into @ out_of / 4
        torch.testing.assert_close(found[row].double(), wanted, atol=1e-4, rtol=1e-4)


def test_a_batch_of_several_tasks_is_each_of_them_alone() -> None:
    base, adapter = untrained(), inventory.inventory(mixed(8))
    run = step(base)
    together = forward(run, adapter)
    for row in range(6):
        one = replace(run, tokens=run.tokens[row : row + 1], tasks=run.tasks[row : row + 1])
        torch.testing.assert_close(forward(one, adapter)[0], together[row], atol=1e-5, rtol=1e-5)


def test_an_even_mixture_is_the_mean_adapter() -> None:
    base, weights = untrained(), mixed(8)
    weights["z.all"].zero_()
    run = step(base)
    mean = lora(inventory.mean_adapter(weights))
    torch.testing.assert_close(
        forward(run, mean), forward(run, inventory.inventory(weights)), atol=1e-5, rtol=1e-5
    )


def test_a_token_costs_what_one_adapter_costs_beside_mixing() -> None:
    """Parameters are mixed, not outputs: those would cost eight times a LoRA."""
    base, flops = untrained(), {}
    tokens = 0
    for name, adapter in (
        ("lora", fresh_lora(4, generator())),
        ("mhr", inventory.inventory(mixed(8, skills=8))),
    ):
        run = step(base)
        run.tasks = torch.zeros_like(run.tasks)
        forward(run, adapter)
        flops[name], tokens = run.work.flops, run.tokens.numel()
    inventory_size = sum(
        value.numel() for name, value in mixed(8, 8).items() if not name.startswith("z")
    )
    assert flops["mhr"] == flops["lora"] + 2 * inventory_size
    assert tokens == 60


def test_counts_of_trained_numbers_hold_rows_of_z() -> None:
    adapters = {heads: inventory.for_new_task(mixed(heads, 8), generator()) for heads in (1, 8)}
    size = 8 * 4 * sum(site.inner + site.outer for site in SITES)
    assert adapters[1].trained_parameters == size + 12 * 8
    assert adapters[8].trained_parameters == size + 12 * 64
    assert math.isclose(
        adapters[8].trained_parameters / adapters[1].trained_parameters, 1, abs_tol=0.02
    )
    assert math.isclose(
        adapters[8].trained_parameters / fresh_lora(32, generator()).trained_parameters,
        1,
        abs_tol=0.02,
    )


def test_rows_learn_faster_than_adapters() -> None:
    """At the adapters' rate they stay even, and MHR is the mean adapter."""
    adapter = inventory.fresh_inventory(8, 8, 4, generator())
    assert adapter.rates["z"] == adapter.rates["z_new"] > 10

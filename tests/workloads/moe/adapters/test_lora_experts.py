"""Experts: only those that run are computed, and rules choose those that they say."""

import math

import pytest
import torch

from adabench.workloads.moe.adapters.substrate import lora_experts
from adabench.workloads.moe.adapters.substrate.adapter import forward
from adabench.workloads.moe.adapters.substrate.base_model import SITES, Site
from adabench.workloads.moe.adapters.substrate.forward_pass import Work
from adabench.workloads.moe.adapters.substrate.low_rank import fresh_lora
from adabench.workloads.moe.adapters.training.pretrain import mixture
from tests.workloads.moe.adapters.benches import generator, step, stirred, untrained

RULES = {
    "top": lora_experts.top(2),
    "every": lora_experts.every,
    "hybrid": lora_experts.hybrid(),
    "dealt": lora_experts.dealt(lora_experts.hybrid()),
    "coin": lora_experts.coin(2),
}


def trained() -> dict[str, torch.Tensor]:
    return stirred(lora_experts.fresh_experts(generator()))


@pytest.mark.parametrize("rule", RULES)
def test_dispatch_is_the_dense_sum(rule: str) -> None:
    weights, site, run = trained(), Site(0, "up"), step(untrained(), generator=generator(2))
    adapter = lora_experts.experts(weights, RULES[rule])
    x = torch.randn(6, 10, site.inner, generator=generator(1))
    found = adapter.linear(weights, site, x, run) - run.frozen(site, x)
    a, b = weights[f"a.{site.name}"], weights[f"b.{site.name}"]
    each = torch.einsum("bti,eri,eor->bteo", x, a, b)
    wanted = (each * run.gates[0].weights.view(6, 10, -1, 1)).sum(2)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_pairs_that_do_not_run_are_not_computed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that enter products of experts are counted where they are multiplied."""
    rows = 0

    def product(left, right, *, out):  # type: ignore[no-untyped-def]
        nonlocal rows
        rows += len(left)
        return plain(left, right, out=out)

    plain = torch.mm
    monkeypatch.setattr(torch, "mm", product)
    run = step(untrained(), generator=generator(2))
    with torch.no_grad():
        forward(run, lora_experts.experts(trained(), RULES[rule]))
    active = sum(int((gate.weights != 0).sum()) for gate in run.gates)
    assert rows == 2 * active == 2 * run.work.pairs
    assert run.work.rows == 12 * run.tokens.numel()


def test_flops_of_experts_are_those_of_their_pairs() -> None:
    base, flops = untrained(), {}
    for k in (1, 2):
        run = step(base)
        forward(run, lora_experts.experts(trained(), lora_experts.top(k)))
        flops[k] = run.work.flops
    per_token = sum(site.inner + site.outer for site in SITES)
    assert flops[2] - flops[1] == 2 * lora_experts.RANK * per_token * 60


def chances(*rows: list[float]) -> torch.Tensor:
    full = []
    for row in rows:
        rest = 8 - len(row)
        full.append([*row, *[(1 - sum(row)) / max(rest, 1)] * rest])
    return torch.tensor(full)


def test_tsallis_entropy_reaches_from_one_hot_to_even() -> None:
    found = lora_experts.tsallis(chances([1.0], [0.125] * 8))
    assert abs(float(found[0])) < 1e-3
    assert math.isclose(float(found[1]), (1 - 8**-0.1) / 0.1, rel_tol=1e-3)


def test_tsallis_entropy_at_one_is_shannons() -> None:
    even = chances([0.125] * 8)
    assert math.isclose(float(lora_experts.tsallis(even, 1.0)), math.log(8), rel_tol=1e-3)
    assert math.isclose(float(lora_experts.tsallis(even, 1.02)), math.log(8), rel_tol=3e-2)


def test_dynmole_runs_two_if_certain_more_by_top_p_and_all_if_not() -> None:
    certain, between, even = [0.97], [0.3, 0.25, 0.15, 0.14, 0.06], [0.125] * 8
    table = chances(certain, between, even)
    run = step(untrained())
    weights = lora_experts.hybrid(threshold=1.8)(table, run)
    assert (weights != 0).sum(1).tolist() == [2, 3, 8]
    strict = lora_experts.hybrid(threshold=0.9)(table, run)
    assert (strict != 0).sum(1).tolist() == [2, 8, 8]


def test_dynmole_does_not_divide_by_the_sum_and_mola_does() -> None:
    table, run = chances([0.6, 0.2]), step(untrained())
    ours = lora_experts.hybrid(threshold=9.0, top_p=0.0)(table, run)
    theirs = lora_experts.top(2)(table, run)
    assert ours[0, :2].tolist() == pytest.approx([0.6, 0.2])
    assert theirs[0, :2].tolist() == pytest.approx([0.75, 0.25])


def test_a_higher_threshold_runs_no_more_experts() -> None:
    table = torch.randn(500, 8, generator=generator(4)).mul(2).softmax(-1)
    run = step(untrained())
    counts = [
        int((lora_experts.hybrid(threshold)(table, run) != 0).sum())
        for threshold in (0.0, 0.3, 0.9, 1.5, 2.0)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 4000


def test_dealt_counts_are_the_same_counts_on_other_tokens() -> None:
    table = torch.randn(500, 8, generator=generator(4)).mul(3).softmax(-1)
    run = step(untrained(), generator=generator(9))
    own, other = (
        (rule(table, run) != 0).sum(1)
        for rule in (lora_experts.hybrid(), lora_experts.dealt(lora_experts.hybrid()))
    )
    assert own.sort().values.tolist() == other.sort().values.tolist()
    assert own.tolist() != other.tolist()


def test_the_entropy_loss_makes_routers_more_certain() -> None:
    """A gradient step along it lowers the entropy, and leaves experts alone."""
    weights = {name: value.requires_grad_() for name, value in trained().items()}
    run = step(untrained(), training=True, generator=generator())
    adapter = lora_experts.experts(weights, lora_experts.hybrid(), lora_experts.auxiliary(1.0, 0.0))
    forward(run, adapter)
    assert adapter.penalty is not None
    gates = [value for name, value in weights.items() if name.startswith("gate.1.down")]
    before = float(lora_experts.tsallis(run.gates[-1].chances.detach()).mean())
    adapter.penalty(weights, run).backward()
    with torch.no_grad():
        for gate in gates:
            gate -= 5.0 * gate.grad  # type: ignore[operator]
    again = step(untrained(), generator=generator())
    forward(again, adapter)
    assert float(lora_experts.tsallis(again.gates[-1].chances.detach()).mean()) < before


@pytest.mark.parametrize("by", ["counts", "weights"])
def test_balance_is_least_for_an_even_load(by: str) -> None:
    run = step(untrained())
    losses = []
    for table in (torch.full((8, 8), 0.125), chances(*[[0.93]] * 8)):
        mixed = lora_experts.hybrid()(table, run)
        if by == "counts" and torch.allclose(table, table[0, 0]):
            table = table + 1e-3 * torch.eye(8)[torch.arange(8)]
        run.gates = [lora_experts.Gate(SITES[0], table, mixed)]
        losses.append(float(lora_experts.auxiliary(0.0, 1.0, by)({}, run)))
    assert losses[0] < losses[1]


def test_arms_that_are_compared_train_equally_many_numbers() -> None:
    """DynMoLE, MoLA in both forms, soft routing and LoRA of rank 36, within 2 %."""
    layered = lora_experts.fresh_experts(generator(), lora_experts.LAYERED)
    sizes = [
        fresh_lora(36, generator()).trained_parameters,
        *(mixture(kind, trained()).trained_parameters for kind in ("dynmole", "mola", "soft")),
        mixture("mola-layered", layered).trained_parameters,
    ]
    assert max(sizes) <= 1.02 * min(sizes)


def test_work_begins_at_nothing() -> None:
    assert Work().flops == Work().pairs == Work().rows == 0

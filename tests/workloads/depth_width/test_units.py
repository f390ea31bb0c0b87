"""Units: gathered equals masked, nothing looks ahead, everything that runs is counted."""

import copy
import dataclasses
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from adabench.workloads.depth_width.ledger.recipes import recipes
from adabench.workloads.depth_width.ledger.task import load
from adabench.workloads.depth_width.methods import random_units
from adabench.workloads.depth_width.methods.informed_routing import informed_routing, train_routers
from adabench.workloads.depth_width.methods.informed_routing.train_routers import RetrofitRecipe
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone, Shape
from adabench.workloads.depth_width.substrate.gathered_forward import decode, prefill
from adabench.workloads.depth_width.substrate.train_backbone import FOLDER, plain_backbone
from adabench.workloads.depth_width.substrate.units import routers_and_forecasters, unit_forward
from adabench.workloads.depth_width.substrate.work_counter import Work
from tests.workloads.depth_width.forward_promises import (
    DecodedForwardPromises,
    Forward,
    drawn_tokens,
    untrained,
)

SMALL = Shape(layers=3, width=16, heads=2)
UNITS = 2 * SMALL.layers
SEQUENCES, TOKENS = 5, 24


@pytest.fixture(scope="module")
def model() -> Backbone:
    return untrained(SMALL)


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    return drawn_tokens(48, SEQUENCES, TOKENS, above=2)


def retrofit(kind: str, **more: Any) -> RetrofitRecipe:
    return RetrofitRecipe("x", plain_backbone(6, 0), 0, FOLDER, kind, 0.5, **more)


def parts_of(kind: str, seed: int = 3) -> routers_and_forecasters.Parts:
    """Parts whose routers disagree with one another, as trained ones do."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = routers_and_forecasters.Parts(kind, 3, SMALL.width, UNITS)
        for router in parts.routers:
            torch.nn.init.normal_(router.weight, std=0.6)
            torch.nn.init.zeros_(router.bias)
    return parts.requires_grad_(False)


def masked(
    made: Backbone, tokens: Tensor, parts: routers_and_forecasters.Parts
) -> tuple[Tensor, Tensor]:
    """Run everything and mix by the routers' decisions; return logits and executions."""
    decided = []

    def mix(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        predicted = parts.forecast(unit, x)
        run = (parts.logit(unit, x, predicted) > 0)[..., None]
        decided.append(run[..., 0])
        rest = torch.zeros_like(x) if predicted is None else predicted
        return torch.where(run, output(), rest)

    states = unit_forward.soft(made, tokens, mix)
    run = torch.stack(decided)
    assert 0.2 < run.float().mean() < 0.8
    return made.head(made.norm(states)), 0.5 * run.sum(0)


class TestUnits(DecodedForwardPromises):
    @pytest.fixture(params=["informed", "greedy", "blind"])
    def forward(self, request: pytest.FixtureRequest, model: Backbone, tokens: Tensor) -> Forward:
        parts = parts_of(request.param)
        rule = routers_and_forecasters.rule(parts)
        return Forward(
            tokens,
            partial(unit_forward.prefill_units, model, rule=rule),
            lambda: masked(model, tokens, parts),
            partial(unit_forward.decode_units, model, rule=rule),
            TOKENS * SMALL.layers,
        )


def test_with_everything_on_it_is_the_model_to_the_bit(model: Backbone, tokens: Tensor) -> None:
    whole = prefill(model, tokens, tile=2)
    ours = unit_forward.prefill_units(model, tokens, unit_forward.all_units, tile=2)
    assert torch.equal(whole.logits, ours.logits)
    assert [w.flops for _, w in whole.works] == [w.flops for _, w in ours.works]
    assert torch.equal(ours.executions(), torch.full((SEQUENCES, TOKENS), 3.0))
    stepped = decode(model, tokens, batch=2)
    assert torch.equal(
        stepped.logits,
        unit_forward.decode_units(model, tokens, unit_forward.all_units, batch=2).logits,
    )


def test_executions_are_what_hooks_on_the_modules_see(model: Backbone, tokens: Tensor) -> None:
    made, rows = copy.deepcopy(model), [0] * UNITS
    for index, layer in enumerate(made.layers):
        for unit, module in ((2 * index, layer.out), (2 * index + 1, layer.up)):
            module.register_forward_hook(
                lambda _, given, __, unit=unit: rows.__setitem__(unit, rows[unit] + len(given[0]))
            )
    answer = unit_forward.prefill_units(
        made, tokens, routers_and_forecasters.rule(parts_of("informed")), tile=2
    )
    assert sum(rows) == 2 * answer.executions().sum()
    counted = [0] * UNITS
    for _, work in answer.works:
        for unit, flat in work.runs:
            counted[unit] += len(flat)
    assert counted == rows


def test_keys_and_values_are_written_for_everyone(model: Backbone, tokens: Tensor) -> None:
    nobody: unit_forward.Rule = lambda unit, rows, work: unit_forward.Choice(
        torch.empty(0, dtype=torch.long)
    )
    for answer in (
        unit_forward.prefill_units(model, tokens, nobody, tile=2),
        unit_forward.decode_units(model, tokens, nobody, batch=2),
    ):
        entries = sum(work.kv_entries for _, work in answer.works)
        assert entries == SEQUENCES * TOKENS * SMALL.layers
        assert answer.executions().sum() == 0


def test_a_forecast_reads_its_own_position_alone() -> None:
    parts = parts_of("informed")
    x = torch.randn(4, 6, SMALL.width, generator=torch.Generator().manual_seed(2))
    changed = x.clone()
    changed[:, :5] += 1.0
    for unit in range(UNITS):
        assert torch.equal(parts.forecast(unit, x)[:, 5], parts.forecast(unit, changed)[:, 5])


def test_a_forecaster_starts_from_a_fit_that_beats_the_mean() -> None:
    base = recipes()["vanilla-6-s0"].load()
    plan = retrofit("informed", steps=0)
    parts = train_routers.train(plan, base)
    batch = load("embedded", 0, batches=1, sequences=16)
    inputs = torch.from_numpy(next(batch.cases()).tokens)
    explained = []

    def watch(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        found = output()
        left = (found - parts.forecast(unit, x)).square().sum()
        explained.append(float(1 - left / (found - found.mean((0, 1))).square().sum()))
        return found

    with torch.no_grad():
        unit_forward.soft(base, inputs, watch)
    assert len(explained) == 12
    assert min(explained) > 0
    assert explained[0] < 0.2, "the first attention is context, which no position forecasts alone"
    assert statistics.median(explained) > 0.4


def merged(base: Backbone) -> Backbone:
    """Return a plain backbone with all changes added to its weights."""
    for module in list(base.modules()):
        if isinstance(module, nn.Linear) and parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    return base.eval().requires_grad_(False)


def test_training_leaves_a_frozen_backbone_alone_and_tunes_only_where_it_says_so() -> None:
    for kind, same in (("informed", True), ("greedy", True), ("tuned", False)):
        base = recipes()["vanilla-6-s0"].load()
        before = {k: v.clone() for k, v in base.state_dict().items()}
        plan = retrofit(kind, steps=2)
        train_routers.train(plan, base)
        after = merged(base).state_dict()
        assert before.keys() == after.keys()
        assert same == all(torch.equal(before[k], after[k]) for k in before), kind


def test_rivals_are_trained_as_hard() -> None:
    known = {n: p for n, p in recipes().items() if isinstance(p, RetrofitRecipe)}
    for name, plan in known.items():
        if plan.kind == "informed":
            twin = known[name.replace("informed", "greedy")]
            assert dataclasses.replace(twin, name=name, kind="informed") == plan
            tuned = known.get(name.replace("informed", "tuned"))
            assert tuned is None or tuned.steps == 2 * plan.steps


def test_coins_keep_each_units_rate() -> None:
    task = load("embedded", 0, batches=2, sequences=32)
    point = {"sparsity": 0.6, "shift": 0.0}
    coins = random_units.prepare(task, point, 0)
    method = informed_routing.prepare(task, point, 0)
    for batch in task.cases():
        ours = random_units.solve(coins, batch, point)
        theirs = informed_routing.solve(method, batch, point)
        mine = random_units.rates(ours, batch.tokens.size)
        for rate, other in zip(mine, random_units.rates(theirs, batch.tokens.size), strict=True):
            assert rate == pytest.approx(other, abs=0.06)


def test_a_wider_shift_runs_more() -> None:
    task = load("embedded", 0, batches=1, sequences=16)
    batch = next(task.cases())
    reader = informed_routing.prepare(task, {"sparsity": 0.75, "shift": 0.0}, 0)
    ran = [
        float(informed_routing.solve(reader, batch, {"shift": shift}).executions().mean())
        for shift in (-20.0, 0.0, 4.0, 20.0)
    ]
    assert ran == sorted(ran)
    assert ran[0] < 0.5
    assert ran[-1] > 5.5


def test_a_retrofit_is_rebuilt_from_its_recipe(tmp_path: Path) -> None:
    plan = dataclasses.replace(recipes()["greedy-75-s0"], steps=2)
    card = checkpoints.train(plan, folder=tmp_path)
    again = checkpoints.train(plan, folder=tmp_path)
    assert card == again
    assert card["held_out"]["executions"] > 5, "two steps close nothing"
    fitted = plan.load(tmp_path)
    assert isinstance(fitted.parts, routers_and_forecasters.Parts)


def test_decisions_are_hard_and_pass_a_gradient_on() -> None:
    logit = torch.tensor([-3.0, 0.2, 3.0], requires_grad=True)
    m = train_routers.straight_through(logit, 0.5)
    assert set(m.tolist()) <= {0.0, 1.0}
    m.sum().backward()
    assert bool((logit.grad > 0).all())


def test_routers_that_run_what_is_hard_or_easy_to_forecast_score_so() -> None:
    hard = torch.tensor([[True, True, False, False], [True, False, True, False]])
    assert train_routers._auc(hard, hard).tolist() == [1.0, 1.0]
    assert train_routers._auc(~hard, hard).tolist() == [0.0, 0.0]
    assert train_routers._auc(torch.ones_like(hard), hard).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_units_run_where_a_plain_forecast_is_wrong(seed: int) -> None:
    """The card's fourth criterion, by the forecasters of its first stage and of its second."""
    plan = recipes()[f"informed-60-s{seed}"]
    assert isinstance(plan, RetrofitRecipe)
    fitted = plan.load()
    start = train_routers.train(dataclasses.replace(plan, steps=0), plan.base.load())
    tokens = torch.from_numpy(next(load("embedded", seed, batches=1, sequences=32).cases()).tokens)
    found = train_routers.aucs(fitted, tokens, start)
    assert float(found.mean()) - 2 * float(found.std()) / len(found) ** 0.5 > 0.5
    trained = train_routers.aucs(fitted, tokens)
    assert float(trained.mean()) < float(found.mean()), "it drifts where the unit does not matter"


def test_greedy_parts_have_no_forecast_to_judge(tokens: Tensor) -> None:
    fitted = recipes()["greedy-60-s0"].load()
    with pytest.raises(ValueError, match="forecasts nothing"):
        train_routers.aucs(fitted, tokens)


def test_a_choice_without_forecast_adds_nothing() -> None:
    choice = routers_and_forecasters.chosen(torch.tensor([True, False, True]), None, Work())
    assert choice.keep.tolist() == [0, 2]
    assert choice.rest is None

"""Granular MLPs of `pretrained`, on a tiny Llama of the same code path."""

import copy
import dataclasses
import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.kernels import gathered_mlp
from adabench.workloads.depth_width.methods import random_width, static_width, vanilla
from adabench.workloads.depth_width.methods.acm import acm
from adabench.workloads.depth_width.pretrained import models
from adabench.workloads.depth_width.pretrained import task as real_task
from adabench.workloads.depth_width.pretrained.substrate import (
    model_and_text,
    plans,
    width_files,
    width_fit,
    width_forward,
)
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.pretrained.substrate.plans import RealWidths
from adabench.workloads.depth_width.pretrained.substrate.width_forward import (
    RealModules,
    RealWidened,
    modules_of,
    prefill_real_widths,
)
from adabench.workloads.depth_width.substrate import learner_choices
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.learners import LEARNERS, constant, gated, shares
from adabench.workloads.depth_width.substrate.llama_decoder import decoder_units
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import (
    RealBackbone,
    mlp,
    soft,
)
from adabench.workloads.depth_width.substrate.units.unit_forward import all_units
from tests.workloads.depth_width.forward_promises import Forward, ForwardPromises, drawn_tokens
from tests.workloads.depth_width.pretrained.tiny_checkpoints import (
    draw_ids,
    stand_in,
    tiny_backbone,
)

LAYERS, WIDTH, VOCABULARY, TOKENS, RANK = 3, 24, 61, 20, 3
SOURCE = ModelAndText()


@pytest.fixture(scope="module")
def model() -> RealBackbone:
    return tiny_backbone(LAYERS, TOKENS)


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    return drawn_tokens(VOCABULARY, 5, TOKENS)


@pytest.fixture(scope="module")
def modules(model: RealBackbone) -> RealModules:
    """Modules with drawn orders, forecasts and gates, so that all choices occur."""
    made = modules_of(model, RANK)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(2)
        for index in range(LAYERS):
            module = made.at(index)
            module.order.copy_(torch.randperm(40))
            for weight in (module.narrow, module.wide, module.constant):
                weight.normal_(std=0.2)
            module.linear.weight.normal_()
    made.arrange(model)
    return made.requires_grad_(False)


def masked(model: RealBackbone, modules: RealModules, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Run everything and mix by the gates' choices; return logits and executions."""
    decided = []

    def mix(unit: int, x: Tensor, output: Any) -> Tensor:
        if not unit % 2:
            return output()
        module = modules.at(unit // 2)
        choice = module.gate(x).argmax(-1)
        decided.append(choice)
        chosen = F.one_hot(choice, LEARNERS + 1).float()
        return module.mixed(x, chosen, learner_choices.taken(chosen))

    states = soft(model, tokens, mix)
    chosen = torch.stack(decided)
    assert torch.bincount(chosen.flatten(), minlength=5).min() > 10
    return model.head(model.norm(states)), 0.5 * LAYERS + chosen.sum(0) / 8


class TestWidths(ForwardPromises):
    @pytest.fixture
    def forward(self, model: RealBackbone, modules: RealModules, tokens: Tensor) -> Forward:
        held = RealWidened(model, modules)
        prefill = partial(prefill_real_widths, held, choose=gated(modules))
        return Forward(tokens, prefill, lambda: masked(model, modules, tokens))


def test_all_learners_are_the_whole_model(
    model: RealBackbone, modules: RealModules, tokens: Tensor
):
    whole = decoder_units.prefill_real(model, tokens, all_units, decoder_units.Plan())
    ours = prefill_real_widths(RealWidened(model, modules), tokens, constant(LEARNERS), tile=2)
    assert whole.logits.std() > 0.5
    torch.testing.assert_close(ours.logits, whole.logits, atol=1e-5, rtol=0)
    assert torch.equal(ours.executions(), torch.full((5, TOKENS), float(LAYERS)))
    assert sum(w.flops for _, w in ours.works) == sum(w.flops for _, w in whole.works)


@pytest.mark.parametrize("n", range(LEARNERS + 1))
def test_a_width_for_everybody_is_that_of_the_mixture(
    model: RealBackbone, modules: RealModules, tokens: Tensor, n: int
):
    def mix(unit: int, x: Tensor, output: Any) -> Tensor:
        chosen = F.one_hot(torch.tensor(n), LEARNERS + 1).float().expand(*x.shape[:-1], -1)
        taken = learner_choices.taken(chosen)
        return modules.at(unit // 2).mixed(x, chosen, taken) if unit % 2 else output()

    mixed = model.head(model.norm(soft(model, tokens, mix)))
    ours = prefill_real_widths(RealWidened(model, modules), tokens, constant(n), tile=2)
    torch.testing.assert_close(ours.logits, mixed, atol=1e-5, rtol=0)


def test_learners_counted_are_hidden_units_multiplied(
    model: RealBackbone, modules: RealModules, tokens: Tensor, monkeypatch: pytest.MonkeyPatch
):
    seen = [0]
    reference = gathered_mlp.gated_reference_

    def watched(stream: Tensor, x: Tensor, index: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
        seen[0] += len(index) * down.shape[1]
        return reference(stream, x, index, gate_up, down)

    monkeypatch.setattr(gathered_mlp, "gated_reference_", watched)
    monkeypatch.setattr(width_forward, "prefix", None)  # nowhere do all take the same
    answer = prefill_real_widths(RealWidened(model, modules), tokens, gated(modules), tile=2)
    learners = 8 * (answer.executions().sum() - 0.5 * LAYERS * tokens.numel())
    assert seen[0] == 10 * int(learners)
    rates = shares(answer, LAYERS, tokens.numel())
    assert torch.allclose(rates.sum(1), torch.ones(LAYERS, dtype=torch.double))
    mean = (rates * torch.arange(5)).sum(1).sum() * tokens.numel()
    assert float(mean) == pytest.approx(float(learners))


def seen_text() -> Tensor:
    return torch.randint(VOCABULARY, (40, TOKENS), generator=torch.Generator().manual_seed(2))


def test_slopes_are_those_of_the_model_s_own_words(model: RealBackbone):
    """The mean over drawn words of (g . e)^2 / 2 is the divergence, for a small change e."""
    one, layer, place = seen_text()[:1], 1, 7
    e = 0.02 * torch.randn(WIDTH, generator=torch.Generator().manual_seed(5))

    def changed(unit: int, x: Tensor, output: Any) -> Tensor:
        y: Tensor = output()
        if unit == 2 * layer + 1:
            y = y.clone()
            y[0, place] += e
        return y

    whole = model.head(model.norm(soft(model, one, lambda u, x, output: output())))
    other = model.head(model.norm(soft(model, one, changed)))
    said, goal = other.log_softmax(-1), whole.log_softmax(-1)
    true = F.kl_div(said, goal, reduction="sum", log_target=True)
    seen = width_fit.observe(model, one.expand(800, -1), 0)
    slopes = seen[layer].slopes.float().view(800, TOKENS, WIDTH)[:, place]
    assert float(0.5 * (slopes @ e).square().mean()) == pytest.approx(float(true), rel=0.2)


def test_every_learner_makes_the_prefix_better_and_gates_know_where(model: RealBackbone):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        seen = width_fit.observe(model, seen_text(), 0)
        made = modules_of(model, RANK)
        harms = width_fit.learners(model, made, seen)
        plan = RealWidths("x", "gates", 0.5)
        price = width_fit.gates(plan, made, seen, harms)
    for index, harm in enumerate(harms):
        means = harm.mean(0)
        assert (means[1:] < means[:-1]).all()
        assert means[-1] == 0.0
        assert sorted(made.at(index).order.tolist()) == list(range(40))
        x, module = seen[index].x.float(), made.at(index)
        torch.testing.assert_close(
            module.mixed(x, F.one_hot(torch.tensor(4), 5).float(), torch.ones(4)),
            mlp(model.layer(index), x),
            atol=1e-4,
            rtol=1e-3,
        )
    assert price > 0
    logits = [made.at(i).gate(rows.x.float()) for i, rows in enumerate(seen)]
    lean = width_fit.leaning(torch.cat(logits), 0.5)
    choices = [(one + lean * torch.arange(5)).argmax(-1) for one in logits]
    load = torch.cat(choices).float().mean() / LEARNERS
    assert float(load) == pytest.approx(0.5, abs=0.01)
    found = sum(h.gather(1, c[:, None]).mean() for h, c in zip(harms, choices, strict=True))
    dealt = sum(
        (torch.bincount(c, minlength=5) / len(c) * h.mean(0)).sum()
        for h, c in zip(harms, choices, strict=True)
    )
    assert float(found) < 0.9 * float(dealt)


def test_tuning_brings_the_model_closer_and_leaves_its_weights(model: RealBackbone):
    before = copy.deepcopy(model.state_dict())
    plan = RealWidths("x", "static", 2.0, rank=RANK, steps=20)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        text = torch.randint(VOCABULARY, (4 * 20 + 8, TOKENS))
        made = modules_of(model, RANK)
        made.ungate()
        width_fit.learners(model, made, width_fit.observe(model, text[:8], 0))
        first = width_fit.settle(plan, model, made, text[80:])[1]
        width_fit.tune(plan, model, made, text[:80], lambda done, steps: None)
        assert width_fit.settle(plan, model, made, text[80:])[1] < first
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


# The task on a tiny model and words drawn at random.


@pytest.fixture
def tiny(model: RealBackbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stand_in(monkeypatch, model, draw_ids(VOCABULARY, 400, TOKENS + 1), tmp_path)
    monkeypatch.setattr(width_files, "SETTLED", 100)
    monkeypatch.setattr(models, "CALIBRATION", 60)  # of 20 words each
    few = {
        name: dataclasses.replace(plan, rank=RANK, steps=4)
        for name, plan in plans.width_plans(model.shape).items()
    }
    monkeypatch.setattr(plans, "width_plans", lambda shape, fitting=1.0: few)
    for kept in (width_files._modules, width_files._begun):
        kept.cache_clear()
    yield tmp_path
    for kept in (width_files._modules, width_files._begun):
        kept.cache_clear()


@pytest.mark.parametrize("method", [acm, random_width, static_width])
def test_the_same_method_files_run(tiny: Path, method: Any):
    loaded = real_task.load("embedded", 0, batches=2, sequences=256)
    point = {**method.CARD.defaults, "budget": 0.75, "learners": 3}
    state = method.prepare(loaded, point, 0)
    whole = vanilla.prepare(loaded, {"depth": "all"}, 0)
    for batch in loaded.cases():
        values = loaded.score(batch, method.solve(state, batch, point))
        full = loaded.score(batch, vanilla.solve(whole, batch, {"depth": "all"}))
        assert values["executions"] / full["executions"] == pytest.approx(0.875, abs=0.04)
        assert values["likelihood"] == pytest.approx(math.exp(-values["nll_token"]))
        assert values["flops_counted"] < full["flops_counted"]


def test_a_budget_is_the_share_of_the_learners_that_runs(tiny: Path):
    loaded = real_task.load("embedded", 0, batches=1, sequences=512)
    (batch,) = loaded.cases()
    for percent in (60, 75, 90):
        reader = loaded.width_reader(f"acm-{percent}")
        ran = float(reader.read(batch, gated(reader.widened.modules)).executions().mean())
        assert 2 * ran / LAYERS - 1 == pytest.approx(percent / 100, abs=0.06)


def test_coins_keep_each_module_s_shares(tiny: Path):
    loaded = real_task.load("embedded", 0, batches=1, sequences=1024)
    held = random_width.prepare(loaded, {"budget": 0.75}, 0)
    (batch,) = loaded.cases()
    answer = random_width.solve(held, batch, {"budget": 0.75})
    seen = shares(answer, LAYERS, batch.tokens.size)
    torch.testing.assert_close(seen, held.rates, atol=0.06, rtol=0)
    assert torch.equal(answer.logits, random_width.solve(held, batch, {"budget": 0.75}).logits)


def test_what_is_never_fitted_is_refused_with_a_remedy(tiny: Path):
    loaded = real_task.load("embedded", 0, batches=1, sequences=16)
    for budget in (0.25, 0.4):
        with pytest.raises(SelectionError) as lent:
            acm.prepare(loaded, {"budget": budget}, 0)
        assert "Ask for 0.6 to 0.95" in str(lent.value.hint)
    with pytest.raises(EnvironmentProblem) as fitted:
        static_width.prepare(loaded, {"learners": 2}, 0)
    assert "learners=3" in str(fitted.value.hint)
    assert not list(tiny.rglob(f"*{SUFFIX}"))


def test_the_words_that_come_next_are_no_labels(tiny: Path, monkeypatch: pytest.MonkeyPatch):
    """What is fitted is the same whatever each window's last word is: it is only ever a target."""
    made = []
    drawn = model_and_text.windows(SOURCE, "fit")
    for last in (0, 1):
        other = drawn.copy()
        other[:, -1] = last
        monkeypatch.setattr(model_and_text, "windows", lambda source, split, other=other: other)
        width_files._begun.cache_clear()
        plan = plans.width_plans(model_and_text.shape(SOURCE))["real-acm"]
        folder = tiny / str(last)
        width_files.train(plan, SOURCE, lambda done, steps: None, folder)
        made.append((folder / f"real-acm{SUFFIX}").read_bytes())
    assert made[0] == made[1]


def test_a_stored_state_names_the_weights_in_place_of_holding_them(tiny: Path):
    loaded = real_task.load("embedded", 0, batches=1, sequences=16)
    reader = loaded.width_reader("acm-75")
    again = copy.deepcopy(reader.widened.modules)
    assert again is reader.widened.modules

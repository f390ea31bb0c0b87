"""Exits of `pretrained`, on a tiny Llama; and coins in their place, at both scales' interface."""

import copy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from adabench.workloads.depth_width.methods import early_exit, random_exit
from adabench.workloads.depth_width.methods.early_exit import unsure
from adabench.workloads.depth_width.pretrained import task as real_task
from adabench.workloads.depth_width.pretrained.substrate import early_exits, model_and_text, plans
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import Admission, Policy
from adabench.workloads.depth_width.substrate.llama_decoder import decoder_units
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import (
    RealBackbone,
    attention,
    from_llama,
    mlp,
)
from adabench.workloads.depth_width.substrate.units.unit_forward import all_units
from adabench.workloads.depth_width.substrate.work_counter import Work
from tests.workloads.depth_width.forward_promises import Forward, ForwardPromises, drawn_tokens
from tests.workloads.depth_width.pretrained.tiny_checkpoints import draw_ids, stand_in, tiny_llama

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")

LAYERS, WIDTH, VOCABULARY, TOKENS, RANK = 4, 24, 61, 20, 3
AFTER = (1, 3)
SOURCE = ModelAndText()


@pytest.fixture(scope="module")
def model() -> RealBackbone:
    return from_llama(tiny_llama(LAYERS), TOKENS)


@pytest.fixture(scope="module")
def lenses() -> early_exits.Lenses:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return early_exits.Lenses(AFTER, WIDTH, RANK).requires_grad_(False)


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    return drawn_tokens(VOCABULARY, 5, TOKENS)


def leaving(at: dict[int, list[int]]) -> Policy:
    """Let the named flat positions leave at the named exits; all windows in one tile."""

    def policy() -> Any:
        here = torch.arange(5 * TOKENS)

        def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
            nonlocal here
            assert torch.equal(sequences, here.div(TOKENS, rounding_mode="floor"))
            keep = (~torch.isin(here, torch.tensor(at.get(depth, [])))).nonzero()[:, 0]
            here = here[keep]
            return Admission(keep)

        return admit

    return policy


def by_hand(
    model: RealBackbone, lenses: early_exits.Lenses, tokens: Tensor, at: dict[int, list[int]]
) -> Tensor:
    """Run every layer on everyone and put back the states of those who left."""
    states = model.embed(tokens)
    final = torch.zeros_like(states).flatten(0, 1)
    gone = torch.zeros(tokens.numel(), dtype=torch.bool)
    for index in range(LAYERS):
        if index in AFTER:
            exit_ = AFTER.index(index)
            now = torch.tensor(at.get(exit_, []), dtype=torch.long)
            final[now] = lenses.seen(exit_, states.flatten(0, 1)[now], Work())
            gone[now] = True
        layer, stay = model.layer(index), (~gone).view(*tokens.shape, 1)
        states = states + stay * attention(model, layer, layer.norm1(states))
        states = states + stay * mlp(layer, layer.norm2(states))
    final[~gone] = states.flatten(0, 1)[~gone]
    return model.head(model.norm(final)).view(*tokens.shape, -1)


def test_who_never_leaves_is_read_as_by_the_whole_model(
    model: RealBackbone, lenses: early_exits.Lenses, tokens: Tensor
):
    whole = decoder_units.prefill_real(model, tokens, all_units, decoder_units.Plan())
    ours = early_exits.prefill_exits(model, lenses, tokens, leaving({}), tile=5)
    torch.testing.assert_close(ours.logits, whole.logits, atol=1e-5, rtol=0)
    assert torch.equal(ours.executions(), whole.executions())


def test_gathered_is_what_putting_back_gives(
    model: RealBackbone, lenses: early_exits.Lenses, tokens: Tensor
):
    at = {0: [0, 1, 17, 40, 99], 1: [2, 16, 41, 42, 43]}
    ours = early_exits.prefill_exits(model, lenses, tokens, leaving(at), tile=5)
    torch.testing.assert_close(ours.logits, by_hand(model, lenses, tokens, at), atol=1e-4, rtol=0)
    ran = ours.executions().flatten()
    assert torch.equal(ran[torch.tensor(at[0])], torch.full((5,), 1.0))
    assert torch.equal(ran[torch.tensor(at[1])], torch.full((5,), 3.0))
    assert ran.sum() == 5 + 15 + 90 * LAYERS


def test_a_layer_that_nobody_reaches_is_not_called(
    model: RealBackbone, lenses: early_exits.Lenses, tokens: Tensor
):
    made = copy.deepcopy(model)
    called: list[int] = []
    for index in range(LAYERS):
        made.layer(index).down.register_forward_hook(lambda *_, index=index: called.append(index))
    at = {0: list(range(5 * TOKENS))}
    ours = early_exits.prefill_exits(made, lenses, tokens, leaving(at), tile=5)
    assert called == [0]
    assert sum(work.kv_entries for _, work in ours.works) == tokens.numel()


class TestExits(ForwardPromises):
    """Where the named positions leave, what putting back gives, and by confidence what is counted."""

    near = 1e-4

    @pytest.fixture
    def forward(self, model: RealBackbone, lenses: early_exits.Lenses, tokens: Tensor) -> Forward:
        policy = unsure(model, 0.5)
        ran = early_exits.prefill_exits(model, lenses, tokens, policy).executions()
        assert 1 < ran.mean() < LAYERS
        at = {
            exit_: (ran.flatten() == depth).nonzero()[:, 0].tolist()
            for exit_, depth in enumerate(AFTER)
        }
        return Forward(
            tokens,
            partial(early_exits.prefill_exits, model, lenses, policy=policy),
            lambda: (by_hand(model, lenses, tokens, at), ran),
        )


@pytest.fixture
def tiny(model: RealBackbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stand_in(monkeypatch, model, draw_ids(VOCABULARY, 300, TOKENS + 1), tmp_path)
    plan = plans.RealRetrofit("real-exits", "exits", 0.0, after=AFTER, rank=RANK, steps=12)
    monkeypatch.setattr(plans, "unit_plans", lambda shape, fitting=1.0: {"real-exits": plan})
    return tmp_path


def test_training_brings_what_the_head_says_nearer(tiny: Path, model: RealBackbone):
    windows = torch.from_numpy(model_and_text.windows(SOURCE, "fit")[:, :-1].copy())
    plan = plans.unit_plans(model.shape)["real-exits"]
    blank = early_exits.Lenses(AFTER, WIDTH, RANK)
    for wide in blank.wide:
        torch.nn.init.zeros_(wide.weight)
        torch.nn.init.zeros_(wide.bias)
    made = early_exits.train(plan, model, windows[:24], windows[24:72], lambda done, steps: None)
    with torch.no_grad():
        bare = [float(one) for one in early_exits.divergences(model, blank, windows[80:84])]
        ours = [float(one) for one in early_exits.divergences(model, made, windows[80:84])]
    assert all(a < b for a, b in zip(ours, bare, strict=True))


def test_the_same_method_files_run_and_coins_leave_as_often(tiny: Path):
    loaded = real_task.load("embedded", 0, batches=3, sequences=64)
    point = {"confidence": 0.97}
    exits, coins = (method.prepare(loaded, point, 0) for method in (early_exit, random_exit))
    assert list((tiny / "cache" / "retrofits").glob(f"*/real-exits{SUFFIX}"))
    ran: dict[str, list[float]] = {"exit": [], "coin": []}
    for batch in loaded.cases():
        for name, method, state in (
            ("exit", early_exit, exits),
            ("coin", random_exit, coins),
        ):
            values = loaded.score(batch, method.solve(state, batch, point))
            ran[name].append(values["executions"])
    assert 1.0 < np.mean(ran["exit"]) < LAYERS
    assert np.mean(ran["coin"]) == pytest.approx(np.mean(ran["exit"]), rel=0.15)


def test_shares_are_of_those_who_came():
    assert random_exit.shares([(10, 5), (5, 5), (5, 1)]) == (0.5, 1.0, 0.2)

"""Tuning of a real model's upper third: on a small Llama with random weights."""

from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.moe.adapters.recipes import TEXT, recipes
from adabench.workloads.moe.adapters.training import text_arms, text_questions, text_tuning
from adabench.workloads.moe.adapters.training.text_questions import QUESTIONS, Cases
from adabench.workloads.shared.sources.labelled_texts import LabelledTexts

transformers = pytest.importorskip(
    "transformers", reason="pip install 'adabench[models]' brings it"
)
OURS = ("text-norms", "text-full", "text-mole", "text-dynmole")
MERGED = ("text-lora", "text-lora-37", "text-dora", "text-ia3")


def llama() -> torch.nn.Module:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=50, hidden_size=32, intermediate_size=64, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


def upper() -> text_arms.UpperThird:
    model = llama()
    return text_arms.upper_third(model, model.lm_head.weight[:2].detach(), lower=2)


def known() -> Cases:
    generator = torch.Generator().manual_seed(1)
    states = [torch.randn(3 + row % 4, 32, generator=generator).half() for row in range(60)]
    yes = torch.tensor([int(one.float().mean() > 0) for one in states])
    rows = {
        "train": list(range(30)),
        "calibration": list(range(30, 40)),
        "test": list(range(40, 60)),
    }
    return Cases(states, yes, torch.arange(60) % len(QUESTIONS), rows)


def arm(kind: str) -> text_arms.Arm:
    if kind not in OURS:
        pytest.importorskip("peft", reason="pip install 'adabench[models]' brings it")
    return text_arms.arm(kind, upper())


def test_the_upper_layers_go_on_where_the_lower_ones_end() -> None:
    """States of the middle through the upper part say what the whole model says, padded or not."""
    model, words = llama(), [7, 9]
    part = text_arms.upper_third(model, model.lm_head.weight[words].detach(), lower=2)
    ids = [torch.tensor([[3, 4, 5, 6, 8]]), torch.tensor([[11, 12, 13]])]
    with torch.no_grad():
        whole = [model(one).logits[0, -1, words] for one in ids]
        states = [model.model(one, output_hidden_states=True).hidden_states[2][0] for one in ids]
        cases = Cases(states, torch.tensor([0, 1]), torch.tensor([0, 1]), {"test": [0, 1]})
        batch = cases.batch([0, 1])
        found = part(batch.states, batch.lengths)
    torch.testing.assert_close(found, torch.stack(whole), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", TEXT)
def test_an_untrained_arm_says_what_the_model_says(kind: str) -> None:
    own, batch = arm(kind), known().batch([0, 1, 2, 3])
    own.model.eval()
    with torch.no_grad():
        wanted = upper()(batch.states, batch.lengths)
        torch.testing.assert_close(own.logits(batch), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", TEXT)
def test_each_method_is_measured_under_hooks(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_tuning, "TRIAL", 2)
    if kind not in OURS:
        pytest.importorskip("peft", reason="pip install 'adabench[models]' brings it")
    recipe, ticks = replace(recipes()[f"{kind}-s0"], steps=3), count()
    found = text_tuning.measured(
        recipe, upper(), known(), lambda done, steps: None, lambda: float(next(ticks))
    )
    facts = {
        key.removeprefix("history."): float(one) for key, one in found.items() if "history." in key
    }
    trained = sum(one.numel() for key, one in found.items() if "history." not in key)
    assert facts["trained_parameters"] == trained > 0
    assert facts["gradient_bytes"] == 4 * trained
    assert facts["optimizer_bytes"] >= 8 * trained
    assert facts["activation_bytes"] > 0
    grid = text_tuning.GRIDS.get(kind, text_tuning.MIDDLE)
    assert any(facts["rate"] == pytest.approx(rate) for rate in grid)
    assert 0 <= facts["accuracy"] <= 1
    assert {f"accuracy_{name}" for name in QUESTIONS} <= facts.keys()
    assert ("reading_ratio_merged" in facts) == (kind in MERGED)
    assert ("serving_speedup_word" in facts) == (kind == text_tuning.SERVED)
    assert ("active_experts" in facts) == (kind in text_arms.EXPERT_KINDS)


@pytest.mark.parametrize("kind", TEXT)
def test_the_words_are_never_trained_and_frozen_weights_get_no_gradient(kind: str) -> None:
    own = arm(kind)
    text_tuning.Tuning(own, known(), 1e-3, 2).follow(lambda done, steps: None)
    for name, weight in own.model.named_parameters():
        assert (weight.grad is None) or weight.requires_grad, name
        assert not (name.endswith("words") and weight.requires_grad)


def test_lora_of_rank_37_is_as_large_as_experts_with_their_routers() -> None:
    """At the widths of SmolLM2: 576 in, 576 and 192 out."""
    lora = sum(37 * (576 + out) for out in (576, 192))
    experts = sum(8 * (4 * (576 + out) + 576) for out in (576, 192))
    assert lora == pytest.approx(experts, rel=0.02)


def test_padding_has_no_say_in_losses_of_routers() -> None:
    own, cases = arm("text-dynmole"), known()
    assert own.penalty is not None
    own.model.train()
    short = cases.batch([0, 4, 8])
    own.logits(short)
    alone = float(own.penalty().detach())
    padded = replace(short, states=torch.nn.functional.pad(short.states, (0, 0, 0, 5)))
    own.logits(padded)
    assert float(own.penalty().detach()) == pytest.approx(alone, rel=1e-5)


def test_two_experts_run_for_each_token_of_the_mixture() -> None:
    own = arm("text-mole")
    assert own.active is not None
    own.logits(known().batch([0, 1]))
    assert own.active() == 2.0


def test_swapped_adapters_say_what_they_say_in_a_mixed_batch() -> None:
    peft = pytest.importorskip("peft", reason="pip install 'adabench[models]' brings it")
    model = peft.get_peft_model(upper(), text_arms.lora_config(4, zero=False))
    names = ["default", "other", "third"]
    for name in names[1:]:
        model.add_adapter(name, text_arms.lora_config(4, zero=False))
    model.eval()
    batch = known().batch(list(range(6)))
    with torch.no_grad():
        mixed = [names[row % 3] for row in range(6)]
        together = model(batch.states, batch.lengths, adapter_names=mixed)
        swapped = text_tuning._swapped(model, names, batch.states, batch.lengths)
    torch.testing.assert_close(together, swapped, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-3)


def test_a_missing_package_is_named_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    with pytest.raises(EnvironmentProblem) as raised:
        text_questions.questions({"test": 2})
    assert str(tmp_path) in raised.value.hint


def test_half_of_the_texts_of_a_split_are_answered_with_yes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(text_questions, "labelled_texts", lambda name: collection(400))
    found = text_questions.questions({"train": 20, "test": 10})
    assert len(found) == 30 * len(QUESTIONS)
    assert sum(one.yes for one in found) == len(found) // 2
    texts = {(one.text, one.task): one.split for one in found}
    assert len(texts) == len(found)


def test_states_of_other_questions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_questions, "labelled_texts", lambda name: collection(400))
    found = text_questions.questions({"train": 4})
    stored = {f"{place:04}": torch.zeros(3, 2) for place in range(len(found))}
    stored["digest"] = text_questions.digest(found).half()
    assert text_questions.cases(stored, found).yes.tolist() == [0, 0, 1, 1] * len(QUESTIONS)
    with pytest.raises(EnvironmentProblem, match="other texts"):
        text_questions.cases(stored, found[::-1])


def test_too_few_texts_are_no_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_questions, "labelled_texts", lambda name: collection(12))
    with pytest.raises(EnvironmentProblem, match="of 50 that are needed"):
        text_questions.questions({"test": 100})


def collection(size: int) -> LabelledTexts:
    """Return texts in the shape of a collection: half of them of a class beyond each question's first."""
    return LabelledTexts(
        tuple(f"text number {row}" for row in range(size)),
        np.arange(size) % 2 * 12,
        tuple(str(row) for row in range(size)),
    )

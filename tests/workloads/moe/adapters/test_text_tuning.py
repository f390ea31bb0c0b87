"""Adapters on a real model's upper layers: on a small Llama with random weights, and on texts that are made up."""

import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from adabench.harness.contract.card import Point
from adabench.harness.errors import EnvironmentProblem, MissingAbility, SelectionError
from adabench.workloads.moe.adapters import task
from adabench.workloads.moe.adapters.methods import dynmole, fresh_lora, lora, mhr, mhr_mu, poly
from adabench.workloads.moe.adapters.recipes import TEXT, TEXT_KINDS, recipes
from adabench.workloads.moe.adapters.substrate import footprint, pretrained, tuned_rates
from adabench.workloads.moe.adapters.substrate.adapter import NOTHING, Adapter, forward
from adabench.workloads.moe.adapters.substrate.base_model import Base
from adabench.workloads.moe.adapters.substrate.few_shot import predict
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.text_base import text_base
from adabench.workloads.moe.adapters.substrate.workbench import Workbench
from adabench.workloads.moe.adapters.training import text_tuning
from adabench.workloads.moe.adapters.truth import text_questions
from adabench.workloads.moe.adapters.truth.text_questions import NEW, QUESTIONS, Known
from adabench.workloads.shared.sources.labelled_texts import LabelledTexts
from tests.workloads.moe.adapters.benches import generator, stirred

transformers = pytest.importorskip(
    "transformers", reason="pip install 'adabench[models]' brings it"
)
MERGED = ("lora-36", "ia3", "full")
EXPERTS = ("mola", "dynmole")
WORDS = [7, 9]


def llama() -> torch.nn.Module:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=50, hidden_size=32, intermediate_size=64, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


def base(states: Mapping[str, Tensor] | None = None) -> Base:
    model, lots = llama(), generator(1)
    if states is None:
        states = {f"{row:04}": torch.randn(14 + row % 4, 32, generator=lots) for row in range(80)}
    words = model.lm_head.weight[WORDS].detach()
    return text_base(model, {**states, "words": words}, 40, lower=2, dtype=torch.float32)


def known() -> Known:
    """Return answers that can be learned: whether the states of a text are positive in the mean."""
    lots = generator(1)
    states = [torch.randn(14 + row % 4, 32, generator=lots) for row in range(80)]
    splits = ("train",) * 40 + ("development",) * 15 + ("test",) * 25
    return Known(
        np.arange(80) % len(QUESTIONS), np.array([int(one.mean() > 0) for one in states]), splits
    )


def logits(own: Base, adapter: Adapter, count: int = 6, training: bool = False) -> Tensor:
    tokens = torch.arange(count)[:, None]
    run = Pass(own, tokens, torch.arange(count) % NEW, Work(), training, generator(2))
    return forward(run, adapter)


def weights_of(kind: str, own: Base) -> dict[str, Tensor]:
    return text_tuning.untrained(kind, own, generator()).weights


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """Return a bench of texts whose trainings are one step long."""
    own, answers = base(), known()
    monkeypatch.setattr(pretrained, "smollm2_base", lambda: own)

    def restored(full: str, folder: Path | None = None) -> dict[str, Tensor]:
        recipe = replace(recipes()[full], steps=1)
        return text_tuning.train(recipe, own, answers, 1e-3, lambda done, steps: None)

    monkeypatch.setattr(pretrained, "restored", restored)
    monkeypatch.setattr(pretrained.checkpoints, "is_there", lambda name, folder: True)
    monkeypatch.setattr(pretrained.checkpoints, "note", lambda name, folder: None)
    return Workbench(0, steps=3, model=task.SMOLLM2)


def test_the_upper_layers_go_on_where_the_lower_ones_end() -> None:
    """States of the middle through the upper part say what the whole model says, padded or not."""
    model = llama()
    ids = [torch.tensor([[3, 4, 5, 6, 8]]), torch.tensor([[11, 12, 13]])]
    with torch.no_grad():
        whole = [model(one).logits[0, -1, WORDS] for one in ids]
        states = [model.model(one, output_hidden_states=True).hidden_states[2][0] for one in ids]
    found = logits(base({f"{row:04}": one for row, one in enumerate(states)}), NOTHING, 2)
    torch.testing.assert_close(found[:, 0], torch.stack(whole), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("adapter", ["nothing", "prefix"])
def test_texts_in_parts_say_what_they_say_in_one_pass(adapter: str) -> None:
    own = base()
    beside = NOTHING if adapter == "nothing" else text_tuning.untrained("prefix", own, generator())
    together = logits(own, beside, 80, training=True)
    torch.testing.assert_close(logits(own, beside, 80), together, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in TEXT_KINDS if kind != "prefix"])
def test_an_untrained_kind_says_what_the_model_says(kind: str) -> None:
    own = base()
    fresh = text_tuning.untrained(kind, own, generator())
    torch.testing.assert_close(logits(own, fresh), logits(own, NOTHING), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", MERGED)
def test_what_is_merged_says_what_it_says_beside_the_base(kind: str) -> None:
    own = base()
    fresh = text_tuning.untrained(kind, own, generator())
    moved = replace(fresh, weights=stirred(fresh.weights))
    assert moved.merge is not None
    merged = moved.merge(moved.weights, own)
    torch.testing.assert_close(logits(merged, NOTHING), logits(own, moved), atol=1e-4, rtol=1e-4)


def test_what_is_merged_in_bfloat16_is_the_same_but_for_rounding() -> None:
    own = base()
    half = replace(
        own,
        weights={k: v.bfloat16() if v.dim() > 1 else v for k, v in own.weights.items()},
        dtype=torch.bfloat16,
    )
    moved = text_tuning.untrained("lora-36", half, generator())
    small = {name: value + 0.01 for name, value in moved.weights.items()}
    found = footprint.reading(half, replace(moved, weights=small), np.arange(6)[:, None], float, 1)
    assert "reading_merged_s" in found


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_a_kind_learns_and_its_base_stands_still(kind: str) -> None:
    own, answers = base(), known()
    before = {name: one.clone() for name, one in own.weights.items()}
    recipe = replace(recipes()[f"{TEXT}{kind}-s0"], steps=40)
    rate = tuned_rates.TEXT[TEXT + kind] * 10
    found = text_tuning.train(recipe, own, answers, rate, lambda done, steps: None)
    first = text_tuning.train(
        replace(recipe, steps=1), own, answers, rate, lambda done, steps: None
    )
    assert found["history.loss_mean"] < first["history.loss_mean"]
    assert found["history.pretraining_flops"] > first["history.pretraining_flops"] > 0
    assert all(torch.equal(own.weights[name], one) for name, one in before.items())


def test_the_best_rate_is_taken_and_of_equals_the_least() -> None:
    least, middle, _ = tuned_rates.text_grid("text-mhr")
    assert text_tuning.best_rate("text-mhr", [0.5, 0.7, 0.6]) == middle
    assert text_tuning.best_rate("text-mhr", [0.7, 0.7, 0.6]) == least


def test_lora_of_rank_36_is_as_large_as_experts_with_their_routers() -> None:
    """At the widths of SmolLM2 on q, v and o: 576 in, 576, 192 and 576 out."""
    lora_36 = sum(36 * (576 + out) for out in (576, 192, 576))
    experts = sum(8 * (4 * (576 + out) + 576) for out in (576, 192, 576))
    assert lora_36 == pytest.approx(experts, rel=0.02)


@pytest.mark.parametrize("kind", EXPERTS)
def test_padding_meets_no_router(kind: str) -> None:
    own = base()
    fresh, tokens = text_tuning.untrained(kind, own, generator()), torch.tensor([[0], [3]])
    run = Pass(own, tokens, torch.tensor([0, 1]), Work(), training=True)
    forward(run, fresh)
    lengths = 14 + 17  # of texts 0 and 3
    assert {len(gate.chances) for gate in run.gates} == {lengths}
    assert run.work.rows == lengths * len(own.sites)


def points() -> list[tuple[ModuleType, Point]]:
    every = {**mhr.CARD.defaults, **mhr.CARD.fixed}
    return [
        (lora, {"rank": 36}), (poly, poly.CARD.defaults), (mhr, every), (mhr, {**every, "trains": "rows"}),
        (dynmole, {**dynmole.CARD.defaults, **dynmole.CARD.fixed}), (mhr_mu, mhr_mu.CARD.defaults),
    ]  # fmt: skip


@pytest.mark.parametrize("place", range(6))
def test_methods_adapt_to_the_new_question_as_they_are(bench: Workbench, place: int) -> None:
    method, point = points()[place]
    own = task.AdaptersTask(bench, text_questions.known_cases(0, 4, known()))
    (case,) = own.cases()
    state = method.prepare(bench, point, 0)
    found = own.score(case, method.solve(state, case, point))
    assert {"accuracy", "accuracy_seen", "accuracy_base", "gain", "loss_mean"} <= found.keys()
    assert found["pretraining_rate"] == pytest.approx(1e-3)
    assert bench.meter["steps_taken"] == 3
    assert found["trained_parameters"] > 0
    names = {name for metric in task.CARD.metrics for name in metric.name.split()}
    assert found.keys() <= names


def test_what_has_no_training_is_adapted_from_nothing_or_skipped(bench: Workbench) -> None:
    (known_case,) = text_questions.known_cases(0, 4, known())
    state = fresh_lora.prepare(bench, {"rank": 4}, 0)
    answer = fresh_lora.solve(state, known_case.case, {"rank": 4})
    assert not torch.equal(answer.after.weights["b.0.q"], answer.before.weights["b.0.q"])
    with pytest.raises(MissingAbility, match="dora"):
        bench.start("dora", Adapter)


def test_a_bench_of_texts_travels(bench: Workbench) -> None:
    copy: Any = pickle.loads(pickle.dumps(bench))
    assert (copy.model, copy.steps, copy.seed) == (task.SMOLLM2, 3, 0)


def test_cases_show_as_many_of_both_answers_and_none_that_is_tested() -> None:
    answers = known()
    (case,) = text_questions.known_cases(3, 4, answers)
    shown = case.case.examples.tokens[:, 0]
    assert case.case.examples.answers.mean() == 0.5
    assert set(answers.tasks[shown]) == {NEW}
    assert not set(shown) & set(case.tests.tokens[:, 0])
    assert {answers.splits[row] for row in case.tests.seen_tokens[:, 0]} == {"test"}
    assert NEW not in answers.tasks[case.tests.seen_tokens[:, 0]]
    other = text_questions.known_cases(4, 4, answers)[0].case.examples.tokens[:, 0]
    assert not np.array_equal(shown, other)


@pytest.mark.parametrize("more", [{"task": "hidden"}, {"budget": "seconds"}, {"pretraining": 900}])
def test_what_smollm2_has_no_trainings_for_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(SelectionError, match="smollm2"):
        task.load("embedded", 0, model="smollm2", **more)


def test_a_missing_package_is_named_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    with pytest.raises(EnvironmentProblem) as raised:
        text_questions.questions({"train": 2})
    assert str(tmp_path) in raised.value.hint


def test_half_of_the_texts_of_a_split_are_answered_with_yes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(text_questions, "labelled_texts", lambda name: collection(900))
    found = text_questions.questions({"train": 20, "development": 4, "test": 10})
    assert len(found) == 34 * len(QUESTIONS)
    assert sum(one.yes for one in found) == len(found) // 2
    assert len({(one.text, one.task) for one in found}) == len(found)
    assert [one.split for one in found[:80]] == ["train"] * 80


def test_states_of_other_questions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_questions, "labelled_texts", lambda name: collection(400))
    found = text_questions.questions({"train": 4})
    stored = {"digest": torch.tensor(text_questions.digest(found)).half()}
    assert text_questions.known(stored, found).yes.tolist() == [0, 0, 1, 1] * len(QUESTIONS)
    with pytest.raises(EnvironmentProblem, match="other texts"):
        text_questions.known(stored, found[::-1])


def test_too_few_texts_are_no_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_questions, "labelled_texts", lambda name: collection(12))
    with pytest.raises(EnvironmentProblem, match="of 50 that are needed"):
        text_questions.questions({"train": 0, "test": 100})


def test_answers_in_parts_are_those_of_their_texts() -> None:
    own = base()
    rows = np.arange(70)[::-1].copy()
    said = predict(own, NOTHING, rows[:, None], rows % NEW, Work())[:, 0]
    assert said.tolist() == logits(own, NOTHING, 70)[:, 0].argmax(-1).flip(0).tolist()


def collection(size: int) -> LabelledTexts:
    """Return texts of three classes: one that no question asks for, one of each first, and science."""
    classes = np.array([0, 1, 8, 9])[np.arange(size) % 4]
    return LabelledTexts(
        tuple(f"text number {row}" for row in range(size)),
        classes,
        tuple(str(row) for row in range(size)),
    )

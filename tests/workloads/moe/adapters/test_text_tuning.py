"""Tuning of a real model's upper third: on a small Llama with random weights."""

import io
import tarfile
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.moe.adapters.recipes import TEXT, recipes
from adabench.workloads.moe.adapters.training import text_tuning
from adabench.workloads.moe.substrate import rated_sentences

transformers = pytest.importorskip("transformers", reason="pip install 'adabench[real]' brings it")


def llama() -> torch.nn.Module:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=50, hidden_size=32, intermediate_size=64, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


def upper() -> text_tuning.UpperThird:
    model = llama()
    return text_tuning.upper_third(model, model.lm_head.weight[:2].detach(), lower=2)


def known() -> text_tuning.Cases:
    generator = torch.Generator().manual_seed(1)
    states = [torch.randn(3 + row % 4, 32, generator=generator).half() for row in range(60)]
    good = torch.tensor([int(one.float().mean() > 0) for one in states])
    rows = {
        "train": list(range(30)),
        "calibration": list(range(30, 40)),
        "test": list(range(40, 60)),
    }
    return text_tuning.Cases(states, good, rows)


def test_the_upper_layers_go_on_where_the_lower_ones_end() -> None:
    """States of the middle through the upper part say what the whole model says, padded or not."""
    model, words = llama(), [7, 9]
    part = text_tuning.upper_third(model, model.lm_head.weight[words].detach(), lower=2)
    ids = [torch.tensor([[3, 4, 5, 6, 8]]), torch.tensor([[11, 12, 13]])]
    with torch.no_grad():
        whole = [model(one).logits[0, -1, words] for one in ids]
        states = [model.model(one, output_hidden_states=True).hidden_states[2][0] for one in ids]
        cases = text_tuning.Cases(states, torch.tensor([0, 1]), {"test": [0, 1]})
        found = part(*cases.batch([0, 1])[:2])
    torch.testing.assert_close(found, torch.stack(whole), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", TEXT)
def test_each_method_is_measured_under_hooks(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_tuning, "TRIAL", 2)
    if kind not in ("text-norms", "text-full"):
        pytest.importorskip("peft", reason="pip install 'adabench[real]' brings it")
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
    assert any(facts["rate"] == pytest.approx(rate) for rate in text_tuning.GRIDS[kind])
    assert 0 <= facts["accuracy"] <= 1
    assert ("reading_ratio_merged" in facts) == (kind in ("text-lora", "text-dora", "text-ia3"))


def test_the_words_are_never_trained_and_frozen_weights_get_no_gradient() -> None:
    for kind in ("text-norms", "text-full"):
        own = text_tuning.tuned(kind, upper())
        text_tuning.Tuning(own, known(), 1e-3, 2).follow(lambda done, steps: None)
        for name, weight in own.named_parameters():
            assert (weight.grad is not None) == weight.requires_grad, name
        assert not own.get_parameter("words").requires_grad


def package(folder: Path, lines: list[str]) -> None:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as archive:
        _add(archive, f"hutto/{rated_sentences.TABLE}", "\n".join(lines).encode("latin-1"))
    with tarfile.open(folder / rated_sentences.FILES[0], "w:gz") as archive:
        _add(archive, f"vader/{rated_sentences.INNER}", inner.getvalue())


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def test_a_missing_package_is_named_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="Rated sentences") as raised:
        rated_sentences.sentences({"test": 1})
    assert "vaderSentiment==3.3.2" in raised.value.hint


def test_clear_ratings_are_taken_and_no_sentence_is_in_two_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    (tmp_path / "data").mkdir()
    lines = [f"{row}\t{(-2.0, 0.4, 2.5)[row % 3]}\tsentence number {row}" for row in range(300)]
    package(tmp_path / "data", lines)
    found = rated_sentences.sentences({"train": 60, "calibration": 6, "test": 20})
    assert len({one.text for one in found}) == len(found) == 86
    for one in found:
        assert one.good == (int(one.text.split()[-1]) % 3 == 2)
        assert int(one.text.split()[-1]) % 3 != 1


def test_too_few_sentences_are_no_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    (tmp_path / "data").mkdir()
    package(tmp_path / "data", ["1\t2.0\tgood", "2\t-2.0\tbad"])
    with pytest.raises(EnvironmentProblem, match="of 50 that are needed"):
        rated_sentences.sentences({"test": 50})

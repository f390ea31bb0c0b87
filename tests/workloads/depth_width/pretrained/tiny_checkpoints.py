"""Checkpoints of a few thousand weights in each architecture, with a tokenizer, and a text for them."""

import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adabench.workloads.depth_width.pretrained.substrate import fitted_file, model_and_text
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import RealBackbone
from adabench.workloads.depth_width.substrate.llama_decoder.llama_shape import RealShape

LETTERS = "abcdefghijklmn"
SPACE, NEW_LINE = "\u0120", "\u010a"
"""As a byte-level tokenizer writes them."""
VOCABULARY = 64
COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 8,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
    "tie_word_embeddings": True,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}


def config(kind: str, **changes: Any) -> Any:
    """Return a configuration of an architecture such as `Qwen2`."""
    import transformers

    return getattr(transformers, f"{kind}Config")(**deepcopy({**COMMON, **changes}))


def model(kind: str, **changes: Any) -> Any:
    """Return a causal language model with random weights whose blocks, norms and biases matter."""
    import transformers

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = transformers.AutoModelForCausalLM.from_config(config(kind, **changes)).eval()
        for name, weight in made.named_parameters():
            if weight.dim() == 2:
                weight.data *= 4 if "embed" not in name and "lm_head" not in name else 20
            else:
                weight.data += 0.3 * torch.randn(weight.shape)
    return made


def save(kind: str, folder: Path, **changes: Any) -> Path:
    """Write such a model into a folder, and a tokenizer that knows sixteen letters.

    It is made as Qwen2's is, which transformers builds anew from the vocabulary alone.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    model(kind, **changes).save_pretrained(folder)
    letters = {letter: index for index, letter in enumerate([*LETTERS, SPACE, NEW_LINE])}
    tokenizer = Tokenizer(models.BPE(vocab=letters, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return folder


def write_text(path: Path, letters: int = 40_000) -> Path:
    """Write a text in which each letter has a few likely followers, in lines and words."""
    draw = random.Random(0)
    current, found = 0, []
    for place in range(letters):
        current = (3 * current + draw.choice((1, 1, 1, 2, 7))) % len(LETTERS)
        end = place % 5 == 4
        found.append((" " if place % 60 != 59 else "\n") if end else LETTERS[current])
    path.write_text("".join(found), encoding="utf-8")
    return path


def stand_in(
    monkeypatch: pytest.MonkeyPatch, model: RealBackbone, windows: Any, folder: Path
) -> None:
    """Let a model and windows of ids stand in for SmolLM2 and Brown, with a cache of its own."""
    monkeypatch.setattr(model_and_text, "shape", lambda source: model.shape)
    monkeypatch.setattr(model_and_text, "backbone", lambda source: model)
    monkeypatch.setattr(model_and_text, "fitting_backbone", lambda source: model)
    monkeypatch.setattr(model_and_text, "windows", lambda source, split: windows)
    monkeypatch.setattr(model_and_text, "digest", lambda source: repr(source))
    monkeypatch.setattr(ModelAndText, "check", lambda source: None)
    monkeypatch.setattr(fitted_file, "FOLDER", folder)
    monkeypatch.setenv("ADABENCH_CACHE", str(folder / "cache"))


def draw_ids(vocabulary: int, windows: int, tokens: int) -> Any:
    """Return windows of ids drawn at random."""
    return np.random.Generator(np.random.PCG64(0)).integers(0, vocabulary, (windows, tokens))


def tiny_llama(layers: int) -> Any:
    """A random Llama of 61 words with blocks that matter."""
    import transformers

    made_of = transformers.LlamaConfig(
        vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
        tie_word_embeddings=True,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = transformers.LlamaForCausalLM(made_of).eval()
        for name, weight in made.named_parameters():
            if weight.dim() == 2:
                weight.data *= 4 if "embed" not in name else 20
    return made


def tiny_backbone(layers: int, tokens: int) -> RealBackbone:
    """The same shape, read without transformers, with weights drawn at random."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = RealBackbone(RealShape(layers, 24, 40, 4, 2, 61, tokens, 1e5, 1e-5))
        for name, weight in made.named_parameters():
            if "norm" not in name:
                torch.nn.init.normal_(weight, std=0.5 if "embed" in name else 0.15)
    return made.eval().requires_grad_(False)

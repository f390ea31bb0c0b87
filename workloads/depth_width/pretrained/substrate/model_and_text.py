"""Which model reads which text, where and in which numbers: what everything at this task depends on.

    source = ModelAndText("hf:./my-llama", "my-corpus.txt", device="cuda", dtype="bfloat16")
    source.check()              what cannot work is refused; no weight is read
    backbone(source)            the model on its device, in its numbers
    fitting_backbone(source)    the same in the numbers that parts are fitted in

What was read is held for the rest of the process. A server reads weights before it forks, onto the
processor; a method's process moves them to a GPU, for CUDA does not survive a fork.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from adabench.harness.errors import EnvironmentProblem, SelectionError, require
from adabench.profilers.hardware.host import HERE
from adabench.workloads.depth_width.substrate.llama_decoder import text_windows
from adabench.workloads.depth_width.substrate.llama_decoder.hooked_decoder import (
    HookedDecoder,
    hooked_shape,
)
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import (
    Decoder,
    from_llama,
)
from adabench.workloads.depth_width.substrate.llama_decoder.llama_shape import (
    FAMILIES,
    RealShape,
    is_llama,
    shape_of,
)
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.shared.language_model.backends.model_memory import free_bytes
from adabench.workloads.shared.sources.codec_source import read_tokenizer
from adabench.workloads.shared.sources.corpus import BROWN, find_corpus
from adabench.workloads.shared.sources.model_folder import (
    configuration,
    fetch_weights,
    model_folder,
)
from adabench.workloads.shared.sources.model_source import skeleton
from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.shared.sources.model_weights import read_weights
from adabench.workloads.shared.sources.torch_place import torch_device, torch_dtype

SMOLLM2 = "smollm2"
_WEIGHTS = ("config.json", "*.safetensors", "pytorch_model*.bin")
_WORDS = ("tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "added_tokens.json")
DIGITS = 16
_FIT_SEED = 555
FRESH = 0.6
"""Of what shipped parts were fitted with, the share for other models: five minutes of a processor for 150 M weights."""


@dataclass(frozen=True)
class ModelAndText:
    """The conditions of the task that decide what a method holds."""

    model: str = SMOLLM2
    """As `--model` names it."""
    data: str = BROWN
    """`brown`, or a file of text."""
    device: str = "cpu"
    dtype: str = "float32"
    fitting: float = 1.0
    """Of the text and of the steps that parts are fitted with, the share that is used."""

    @property
    def on_device(self) -> bool:
        """Say whether the model runs on an accelerator."""
        return self.device.startswith("cuda")

    @property
    def is_shipped(self) -> bool:
        """Say whether the shipped parts are those of this model, this text and the whole fit."""
        return (self.model, self.data, self.fitting) == (SMOLLM2, BROWN, 1.0)

    @property
    def share(self) -> float:
        """Of the text and of the steps of the shipped fits, the share that this one takes."""
        return self.fitting if self.is_shipped else FRESH * self.fitting

    def check(self) -> None:
        """Make sure that text, package, device and model are there and fit; read no weight.

        Raises:
            SelectionError: for what names nothing, or no causal language model.
            EnvironmentProblem: if something is missing here, or the model has other layers.
        """
        if self.data != BROWN:
            find_corpus(self.data)
        if model_spec(self.model).kind != SMOLLM2:
            shape(self)
            tokenizer(self)
        device = torch_device(self.device)
        numbers = torch_dtype(self.dtype, self.device)
        find_corpus(self.data)  # SmolLM2 is converted at its first use: that comes last
        need = shape(self).weights * numbers.itemsize
        rooms = {"this machine has": HERE.memory_bytes()}  # a GPU's weights pass through it
        if device.type == "cuda":
            rooms[f"{device} has free"] = free_bytes(device)
        for where, room in rooms.items():
            if room is not None and need > room:
                raise EnvironmentProblem(
                    f"The weights of {self.model} take about {need / 1e9:.1f} GB in {self.dtype}, "
                    f"and {where} {room / 1e9:.1f} GB of memory.",
                    "Choose a smaller model or --dtype bfloat16.",
                )

    def words(self, text: str) -> tuple[int, ...]:
        """Return plain text as the model's words; marks that a tokenizer adds are left out."""
        return tuple(_tokenizer(self.model)(text, add_special_tokens=False)["input_ids"])


def folder(model: str) -> Path:
    """Return the folder of a model.

    Raises:
        SelectionError: for a spec whose weights nobody could read, or a folder that holds no model.
        EnvironmentProblem: if a package or the hub is missing.
    """
    spec = model_spec(model)
    if spec.kind == "smollm2":
        return smollm2.converted()
    if spec.kind != "hf":
        raise SelectionError(
            f"pretrained reads weights layer by layer, and {spec} is not a model with weights here.",
            "Name one: smollm2, hf:NAME or hf:FOLDER.",
        )
    return model_folder(spec.name)


def shape(source: ModelAndText) -> RealShape:
    """Return the shape of the model; its weights are not read.

    Raises:
        SelectionError: for what is no causal language model.
        EnvironmentProblem: for a model that is not made of attention and MLPs.
    """
    return _shape(source.model)


def backbone(source: ModelAndText) -> Decoder:
    """Return the model on its device, in its numbers.

    Raises:
        SelectionError: for what is no causal language model.
        EnvironmentProblem: if it is not here, or not made of attention and MLPs.
    """
    return _placed(source.model, source.dtype, source.device)


def fitting_backbone(source: ModelAndText) -> Decoder:
    """Return the model in the numbers that parts are fitted in: bfloat16 where that is native."""
    device = torch_device(source.device)
    native = device.type == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return _fitting(source.model, source.device, bool(native))


def warm(source: ModelAndText) -> None:
    """Read the weights onto the processor, and their digest where parts are kept by it."""
    _read(source.model, source.dtype)
    if not source.is_shipped:
        digest(source)


def windows(source: ModelAndText, split: text_windows.Split) -> Ints:
    """Return all windows of a split, [windows, TOKENS + 1].

    Raises:
        EnvironmentProblem: without the corpus or the tokenizer.
        SelectionError: for a text that is too short.
    """
    return _windows(source.model, source.data, split)


def fitting_windows(source: ModelAndText, seed: int) -> Ints:
    """Return the fitting split's windows in the order of a seed."""
    every = windows(source, "fit")
    order = np.random.Generator(np.random.PCG64((_FIT_SEED, seed))).permutation(len(every))
    return every[order]


def tokenizer(source: ModelAndText) -> Any:
    """Return the tokenizer of the model.

    Raises:
        EnvironmentProblem: if it is not here.
    """
    return _tokenizer(source.model)


def digest(source: ModelAndText) -> str:
    """Return a digest of the model's weights and of the text: what was fitted depends on both."""
    text = find_corpus(source.data).digest
    words = f"{_digest(folder(source.model), _WEIGHTS)} {text}"
    return hashlib.sha256(words.encode()).hexdigest()[:DIGITS]


@lru_cache(maxsize=4)
def _shape(model: str) -> RealShape:
    place = folder(model)
    if configuration(place).get("model_type") in FAMILIES:
        config = require("transformers", extra="models").AutoConfig.from_pretrained(place)
        if is_llama(config, text_windows.TOKENS):
            return shape_of(config, text_windows.TOKENS)
    return hooked_shape(skeleton(place), text_windows.TOKENS)


@lru_cache(maxsize=1)
def _read(model: str, dtype: str) -> Decoder:
    return _from_folder(model, torch_dtype(dtype, "cpu"))


@lru_cache(maxsize=1)
def _placed(model: str, dtype: str, device: str) -> Decoder:
    found = _read(model, dtype).to(torch_device(device))
    found.made_by = partial(_placed, model, dtype, device)
    return found


@lru_cache(maxsize=1)
def _fitting(model: str, device: str, bfloat16: bool) -> Decoder:
    made = _from_folder(model, torch.float32)
    return (made.bfloat16() if bfloat16 else made).to(torch_device(device))


def _from_folder(model: str, dtype: Any) -> Decoder:
    """Read a model's weights onto the processor."""
    _shape(model)  # what cannot be read layer by layer is refused before its weights are read
    place, spec = folder(model), model_spec(model)
    if spec.kind == "hf":
        fetch_weights(spec.name, place)
    causal = read_weights("AutoModelForCausalLM", place, dtype, model)
    if is_llama(causal.config, text_windows.TOKENS):
        return from_llama(causal, text_windows.TOKENS)
    return HookedDecoder(causal, text_windows.TOKENS)


@lru_cache(maxsize=2)
def _tokenizer(model: str) -> Any:
    return read_tokenizer(folder(model), model)


@lru_cache(maxsize=4)
def _windows(model: str, data: str, split: text_windows.Split) -> Ints:
    source = ModelAndText(model, data)
    tokenizer = _digest(folder(model), _WORDS)
    return text_windows.read_windows(find_corpus(data), split, source.words, tokenizer)


def _digest(place: Path, patterns: tuple[str, ...]) -> str:
    """Digest the files of a folder that match; each is read once for each of its states."""
    files = sorted({path for pattern in patterns for path in place.glob(pattern)})
    states = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    return _digest_of(states)


@lru_cache(maxsize=8)
def _digest_of(states: tuple[tuple[Path, int, int], ...]) -> str:
    found = hashlib.sha256()
    for path, *_ in states:
        with path.open("rb") as file:
            found.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()[:DIGITS]

"""Tuning of a real model on real text: the upper third of SmolLM2, by `peft`, on states of its layer 20.

    adabench train text-states-s0          once: the lower 20 of 30 layers over all sentences, 2 CPU-minutes
    adabench train 'text-*'                each method, about 3 CPU-minutes

Sentences of movie reviews that people rated, followed by " It was"; what is scored is whether " good" or " bad" is more
likely next. No head is trained. Every method takes as many steps on the same batches, at the best of three rates on
the calibration split (`GRIDS`, 30 steps each). Measured of it: accuracy on the test split before and after; bytes of
weights, gradients, the optimiser's state and what autograd keeps, under hooks; the resident memory that training
adds; processor seconds of a step; and the time of reading over that of the model untouched, merged and not.
Nothing of this is in a run: it stands in the card of the file (`held_out`).
"""

import copy
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from adabench.harness.errors import require
from adabench.workloads.moe.adapters.recipes import Recipe
from adabench.workloads.moe.substrate.rated_sentences import Sentence, sentences
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.shared.training.checkpoints import Progress

COUNTS = {"train": 480, "calibration": 120, "test": 400}
PROMPT, WORDS = " It was", (" bad", " good")
LOWER, BATCH, TRIAL, CLIP, WARM_UP = 20, 16, 30, 1.0, 0.06
GRIDS = {
    "text-lora": (3e-4, 1e-3, 3e-3),
    "text-dora": (3e-4, 1e-3, 3e-3),
    "text-ia3": (3e-3, 1e-2, 3e-2),
    "text-norms": (1e-3, 3e-3, 1e-2),
    "text-full": (1e-5, 3e-5, 1e-4),
}
LAPS = 5
MOST_STORED = 2_000_000
"""Numbers of a file; what trains more leaves its measurements alone."""


@dataclass(frozen=True)
class Cases:
    """States of sentences, and whether each is good; by split."""

    states: list[Tensor]
    """[tokens, d] each"""
    good: Tensor
    rows: Mapping[str, list[int]]

    def batch(self, rows: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Return padded states, their lengths and the answers."""
        states = [self.states[row].float() for row in rows]
        lengths = torch.tensor([len(one) for one in states])
        return pad_sequence(states, batch_first=True), lengths, self.good[rows]


class UpperThird(nn.Module):
    """The layers above the cached states, and two words to choose between."""

    def __init__(self, layers: nn.Module, words: Tensor) -> None:
        """Take a model without embeddings, and the rows of both words."""
        super().__init__()
        self.layers, self.words = layers, nn.Parameter(words, requires_grad=False)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of both words behind each sentence, [sentences, 2]."""
        there = torch.arange(states.shape[1])[None] < lengths[:, None]
        found = self.layers(inputs_embeds=states, attention_mask=there.long(), use_cache=False)
        last = found.last_hidden_state[torch.arange(len(lengths)), lengths - 1]
        return F.linear(last, self.words)


def upper_third(model: Any, words: Tensor, lower: int = LOWER) -> UpperThird:
    """Return the upper layers of a Llama with its last norm; the lower ones and the embeddings are left out."""
    layers = copy.deepcopy(model.model)
    layers.embed_tokens = nn.Embedding(1, words.shape[1])
    layers.layers = layers.layers[lower:]
    for place, layer in enumerate(layers.layers):
        layer.self_attn.layer_idx = place
    layers.config.num_hidden_layers = len(layers.layers)
    found = UpperThird(layers, words)
    return found.requires_grad_(False)


def encode(progress: Progress) -> dict[str, Tensor]:
    """Run the lower layers over all sentences; return the states of each by its number."""
    require("transformers", extra="real")
    texts = sentences(COUNTS)
    model, tokenizer = smollm2.load()
    found = {}
    with torch.no_grad():
        for place, one in enumerate(texts):
            tokens = tokenizer(one.text + PROMPT, return_tensors="pt").input_ids
            states = model.model(tokens, output_hidden_states=True, use_cache=False).hidden_states
            found[f"{place:04}"] = states[LOWER][0].half()
            progress(place + 1, len(texts))
    ids = [tokenizer(word, add_special_tokens=False).input_ids[0] for word in WORDS]
    found["words"] = model.lm_head.weight[ids].detach().half()
    return found


def cases(stored: Mapping[str, Tensor], texts: list[Sentence]) -> Cases:
    """Join states with what people said of the sentences."""
    rows: dict[str, list[int]] = {}
    for place, one in enumerate(texts):
        rows.setdefault(one.split, []).append(place)
    good = torch.tensor([int(one.good) for one in texts])
    return Cases([stored[f"{place:04}"] for place in range(len(texts))], good, rows)


def tuned(kind: str, upper: UpperThird) -> nn.Module:
    """Return the model with what a method trains in it; all else is frozen.

    Raises:
        MissingExtra: without `peft`.
    """
    if kind in ("text-norms", "text-full"):
        for name, weight in upper.named_parameters():
            trains = kind == "text-full" or "norm" in name
            weight.requires_grad_(
                trains and name.startswith("layers.") and "embed_tokens" not in name
            )
        return upper
    peft = require("peft", extra="real")
    config = {
        "text-lora": lambda: peft.LoraConfig(
            r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]
        ),
        "text-dora": lambda: peft.LoraConfig(
            r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], use_dora=True
        ),
        "text-ia3": lambda: peft.IA3Config(
            target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"]
        ),
    }[kind]()
    found: nn.Module = peft.get_peft_model(upper, config)
    return found


@dataclass
class Bytes:
    """What hooks saw in one step."""

    weights: set[int]
    kept: dict[int, Tensor] = field(default_factory=dict)

    def keep(self, value: Tensor) -> Tensor:
        """Note what autograd keeps for the backward, weights aside."""
        place = value.untyped_storage().data_ptr()
        if place not in self.weights:
            self.kept[place] = value.detach()
        return value

    @property
    def activations(self) -> int:
        """Return the bytes of all storages that were kept."""
        return sum(one.untyped_storage().nbytes() for one in self.kept.values())


@dataclass
class Tuning:
    """One method on its way."""

    model: nn.Module
    cases: Cases
    rate: float
    steps: int
    clock: Callable[[], float] = time.process_time
    seconds: list[float] = field(default_factory=list)
    bytes: dict[str, float] = field(default_factory=dict)

    def follow(self, progress: Progress) -> None:
        """Take all steps; look under hooks at the first."""
        trained = [weight for weight in self.model.parameters() if weight.requires_grad]
        optimiser = torch.optim.AdamW(trained, lr=self.rate, weight_decay=0.0)
        generator, rows = torch.Generator().manual_seed(0), self.cases.rows["train"]
        for step in range(self.steps):
            chosen = torch.randint(len(rows), (BATCH,), generator=generator).tolist()
            states, lengths, good = self.cases.batch([rows[one] for one in chosen])
            began = self.clock()
            optimiser.param_groups[0]["lr"] = self.rate * min(
                1.0, (step + 1) / (WARM_UP * self.steps)
            )
            optimiser.zero_grad()
            seen = Bytes({one.untyped_storage().data_ptr() for one in self.model.parameters()})
            with saved_tensors_hooks(seen.keep if step == 0 else lambda one: one, lambda one: one):
                loss = F.cross_entropy(self.model(states, lengths), good)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(trained, CLIP)
            optimiser.step()
            if step == 0:
                self.bytes = self._bytes(seen, optimiser)
            else:
                self.seconds.append(self.clock() - began)
            progress(step + 1, self.steps)

    def _bytes(self, seen: Bytes, optimiser: torch.optim.Optimizer) -> dict[str, float]:
        every = list(self.model.parameters())
        states = [value for state in optimiser.state.values() for value in state.values()]
        return {
            "weight_bytes": float(sum(one.nbytes for one in every)),
            "gradient_bytes": float(sum(one.grad.nbytes for one in every if one.grad is not None)),
            "optimizer_bytes": float(sum(one.nbytes for one in states if isinstance(one, Tensor))),
            "activation_bytes": float(seen.activations),
        }


@torch.no_grad()
def accuracy(model: nn.Module, cases: Cases, split: str) -> float:
    """Return the share of sentences whose word is right."""
    right, rows = 0, cases.rows[split]
    for first in range(0, len(rows), BATCH):
        states, lengths, good = cases.batch(rows[first : first + BATCH])
        right += int((model(states, lengths).argmax(-1) == good).sum())
    return right / len(rows)


@torch.no_grad()
def reading_s(model: nn.Module, cases: Cases, clock: Callable[[], float]) -> float:
    """Return the median processor seconds of reading a batch."""
    states, lengths, _ = cases.batch(cases.rows["test"][:BATCH])
    found = []
    for _ in range(LAPS):
        began = clock()
        model(states, lengths)
        found.append(clock() - began)
    return median(found)


def resident_bytes() -> float:
    """Return the most memory that this process ever had resident."""
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def train(recipe: Recipe, stored: Mapping[str, Tensor], progress: Progress) -> dict[str, Tensor]:
    """Tune by one method; return what was trained, if it is small, and what was measured."""
    model, _ = smollm2.load()
    upper = upper_third(model, stored["words"].float())
    return measured(recipe, upper, cases(stored, sentences(COUNTS)), progress)


def measured(
    recipe: Recipe,
    upper: UpperThird,
    known: Cases,
    progress: Progress,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, Tensor]:
    """Choose a rate on the calibration split, tune, and measure before and after."""
    rate = _best_rate(recipe.kind, upper, known, clock)
    untouched_s, before = reading_s(upper, known, clock), resident_bytes()
    zero_shot = accuracy(upper, known, "test")
    own = tuned(recipe.kind, copy.deepcopy(upper))
    way = Tuning(own, known, rate, recipe.steps, clock)
    way.follow(progress)
    trained = {name: one.detach() for name, one in own.named_parameters() if one.requires_grad}
    count = sum(one.numel() for one in trained.values())
    facts = way.bytes | {
        "accuracy": accuracy(own, known, "test"), "accuracy_zero_shot": zero_shot, "rate": rate,
        "trained_parameters": float(count), "step_cpu_s": median(way.seconds or [0.0]),
        "resident_growth_bytes": resident_bytes() - before,
        "reading_ratio": reading_s(own, known, clock) / untouched_s,
    }  # fmt: skip
    merge = getattr(own, "merge_and_unload", None)
    if merge is not None:
        facts["reading_ratio_merged"] = reading_s(merge(), known, clock) / untouched_s
    stored = trained if count <= MOST_STORED else {}
    return stored | {f"history.{name}": torch.tensor(value) for name, value in facts.items()}


def _best_rate(kind: str, upper: UpperThird, known: Cases, clock: Callable[[], float]) -> float:
    """Return the rate of the grid that answers most of the calibration split after a few steps."""
    found = []
    for rate in GRIDS[kind]:
        own = tuned(kind, copy.deepcopy(upper))
        Tuning(own, known, rate, TRIAL, clock).follow(lambda done, steps: None)
        found.append((accuracy(own, known, "calibration"), -rate))
    return -max(found)[1]

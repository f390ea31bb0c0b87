"""Tuning of a real model on real texts: the upper third of SmolLM2 on states of its layer 20.

    adabench train text-states-s0          once: the lower 20 of 30 layers over all texts
    adabench train text-lora-s0            one method (`text_arms.py`)

Every method takes as many steps on the same batches, at the best of three rates on the calibration split. Accuracy
before and after, bytes under hooks, processor seconds of a step, the time of reading and, of LoRA, that of serving
stand in the card of the file (`held_out`), and in no run.
"""

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F

from adabench.workloads.moe.adapters.recipes import Recipe
from adabench.workloads.moe.adapters.training import text_questions
from adabench.workloads.moe.adapters.training.text_arms import (
    Arm,
    UpperThird,
    arm,
    lora_config,
    upper_third,
)
from adabench.workloads.moe.adapters.training.text_questions import (
    COUNTS,
    QUESTIONS,
    Batch,
    Cases,
    cases,
    questions,
)
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.shared.training.checkpoints import Progress

BATCH, READING, TRIAL, CLIP, WARM_UP = 8, 16, 10, 1.0, 0.06
MIDDLE = (3e-4, 1e-3, 3e-3)
GRIDS = {
    "text-ia3": (3e-3, 1e-2, 3e-2), "text-norms": (1e-3, 3e-3, 1e-2), "text-full": (1e-5, 3e-5, 1e-4),
}  # fmt: skip
"""Of those whose rates lie elsewhere than `MIDDLE`."""
LAPS, TENANTS = 5, 8
SERVED = "text-lora"
MOST_STORED = 2_000_000
"""Numbers of a file; what trains more leaves its measurements alone."""
encode = text_questions.encode


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

    arm: Arm
    cases: Cases
    rate: float
    steps: int
    clock: Callable[[], float] = time.process_time
    seconds: list[float] = field(default_factory=list)
    bytes: dict[str, float] = field(default_factory=dict)

    def follow(self, progress: Progress) -> None:
        """Take all steps; look under hooks at the first."""
        trained = list(self.arm.trained.values())
        optimiser = torch.optim.AdamW(self.arm.groups(self.rate), weight_decay=0.0)
        generator, rows = torch.Generator().manual_seed(0), self.cases.rows["train"]
        self.arm.model.train()
        for step in range(self.steps):
            chosen = torch.randint(len(rows), (BATCH,), generator=generator).tolist()
            batch = self.cases.batch([rows[one] for one in chosen])
            began = self.clock()
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * min(1.0, (step + 1) / (WARM_UP * self.steps))
            optimiser.zero_grad()
            seen = Bytes({one.untyped_storage().data_ptr() for one in self.arm.model.parameters()})
            with saved_tensors_hooks(seen.keep if step == 0 else lambda one: one, lambda one: one):
                loss = self._loss(batch)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(trained, CLIP)
            optimiser.step()
            if step == 0:
                self.bytes = self._bytes(seen, optimiser)
            else:
                self.seconds.append(self.clock() - began)
            progress(step + 1, self.steps)
        self.arm.model.eval()

    def _loss(self, batch: Batch) -> Tensor:
        found = F.cross_entropy(self.arm.logits(batch), batch.yes)
        return found if self.arm.penalty is None else found + self.arm.penalty()

    def _bytes(self, seen: Bytes, optimiser: torch.optim.Optimizer) -> dict[str, float]:
        every = list(self.arm.model.parameters())
        states = [value for state in optimiser.state.values() for value in state.values()]
        return {
            "weight_bytes": float(sum(one.nbytes for one in every)),
            "gradient_bytes": float(sum(one.grad.nbytes for one in every if one.grad is not None)),
            "optimizer_bytes": float(sum(one.nbytes for one in states if isinstance(one, Tensor))),
            "activation_bytes": float(seen.activations),
        }


@torch.no_grad()
def accuracies(own: Arm, known: Cases, split: str) -> dict[str, float]:
    """Return the share of questions whose word is right, in all and of each collection."""
    rows = known.rows[split]
    parts = (rows[first : first + READING] for first in range(0, len(rows), READING))
    said = [own.logits(known.batch(part)).argmax(-1) for part in parts]
    right, tasks = (torch.cat(said) == known.yes[rows]).float(), known.tasks[rows]
    each = {
        name: float(right[tasks == task].mean())
        for task, name in enumerate(QUESTIONS)
        if (tasks == task).any()
    }
    return {"": float(right.mean()), **{f"_{name}": share for name, share in each.items()}}


@torch.no_grad()
def shortest_s(clock: Callable[[], float], *ways: Callable[[], Any]) -> list[float]:
    """Return the shortest lap of each way, run in turn."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(LAPS):
        for way, own in zip(ways, times, strict=True):
            began = clock()
            way()
            own.append(clock() - began)
    return [min(own) for own in times]


def train(recipe: Recipe, stored: Mapping[str, Tensor], progress: Progress) -> dict[str, Tensor]:
    """Tune by one method; return what was trained, if it is small, and what was measured."""
    model, _ = smollm2.load()
    upper = upper_third(model, stored["words"].float())
    return measured(recipe, upper, cases(stored, questions(COUNTS)), progress)


def measured(
    recipe: Recipe,
    upper: UpperThird,
    known: Cases,
    progress: Progress,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, Tensor]:
    """Choose a rate on the calibration split, tune, and measure before and after."""
    untouched = Arm(upper, lambda batch: upper(batch.states, batch.lengths))
    zero_shot = accuracies(untouched, known, "test")
    scores = _calibration(recipe.kind, upper, known, clock)
    rate = max(scores, key=lambda one: (scores[one], -one))
    own = arm(recipe.kind, copy.deepcopy(upper))
    way = Tuning(own, known, rate, recipe.steps, clock)
    way.follow(progress)
    trained = {name: one.detach().clone() for name, one in own.trained.items()}
    count = sum(one.numel() for one in trained.values())
    facts = way.bytes | {
        "rate": rate, "trained_parameters": float(count), "step_cpu_s": median(way.seconds or [0.0]),
    }  # fmt: skip
    facts |= {f"calibration_{one:g}": score for one, score in scores.items()}
    facts |= {f"zero_shot{name}": share for name, share in zero_shot.items()}
    facts |= {f"accuracy{name}": share for name, share in accuracies(own, known, "test").items()}
    if own.active is not None:
        facts["active_experts"] = own.active()
    if recipe.kind == SERVED:
        facts |= serving(own, known, clock)
    facts |= _reading(own, untouched, known, clock)
    stored = trained if count <= MOST_STORED else {}
    return stored | {f"history.{name}": torch.tensor(value) for name, value in facts.items()}


def _calibration(
    kind: str, upper: UpperThird, known: Cases, clock: Callable[[], float]
) -> dict[float, float]:
    """Return what each rate of the grid answers of the calibration split after a few steps."""
    found = {}
    for rate in GRIDS.get(kind, MIDDLE):
        own = arm(kind, copy.deepcopy(upper))
        Tuning(own, known, rate, TRIAL, clock).follow(lambda done, steps: None)
        found[rate] = accuracies(own, known, "calibration")[""]
    return found


def _reading(
    own: Arm, untouched: Arm, known: Cases, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the time of reading over the untouched model's, beside it and merged into it."""
    batch = known.batch(known.rows["test"][:READING])
    plain_s, own_s = shortest_s(clock, lambda: untouched.logits(batch), lambda: own.logits(batch))
    found = {"reading_ratio": own_s / plain_s}
    if own.merge is not None:
        merged = own.merge()
        plain_s, own_s = shortest_s(
            clock, lambda: untouched.logits(batch), lambda: merged(batch.states, batch.lengths)
        )
        found["reading_ratio_merged"] = own_s / plain_s
    return found


def serving(own: Arm, known: Cases, clock: Callable[[], float]) -> dict[str, float]:
    """Return how many times as fast eight LoRAs are beside one base as swapped, text by text and word by word.

    Both ways are those of `peft`: names of adapters for each row of a mixed batch, and merging, reading, unmerging.
    """
    model: Any = own.model
    names = ["default", *(f"task{place}" for place in range(1, TENANTS))]
    for name in names[1:]:
        model.add_adapter(name, lora_config(8, zero=False))
    model.eval()
    batch = known.batch(known.rows["test"][:READING])
    mixed = [names[row % TENANTS] for row in range(READING)]

    def speedup(states: Tensor, lengths: Tensor) -> float:
        beside_s, swapped_s = shortest_s(
            clock,
            lambda: model(states, lengths, adapter_names=mixed),
            lambda: _swapped(model, names, states, lengths),
        )
        return swapped_s / beside_s

    return {
        "serving_speedup_text": speedup(batch.states, batch.lengths),
        "serving_speedup_word": speedup(batch.states[:, :1], torch.ones_like(batch.lengths)),
    }


def _swapped(model: Any, names: list[str], states: Tensor, lengths: Tensor) -> Tensor:
    """Read each task's rows with its adapter merged."""
    found = states.new_zeros(len(states), 2)
    for place, name in enumerate(names):
        model.merge_adapter([name])
        own = slice(place, None, len(names))
        longest = int(lengths[own].max())
        found[own] = model(states[own, :longest], lengths[own])
        model.unmerge_adapter()
    return found

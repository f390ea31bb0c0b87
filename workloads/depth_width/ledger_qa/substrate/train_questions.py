"""Backbones for questions: the stream's model goes on, on questions with k = 1..4.

Optimiser, rate, schedule, answer weight and the auxiliary value head are those of `train_backbone.py`;
the model that starts is the trained one of the stream, so there is no curriculum. A batch holds 96
questions, about as many tokens as 32 sequences of 64.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate import checkpoints, train_backbone
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.questions import (
    ANSWERS,
    ASKED_K,
    PAD,
    TRAINED_K,
    Asked,
    ask,
    completed,
)
from adabench.workloads.depth_width.substrate.stream import MODULUS
from adabench.workloads.depth_width.substrate.train_backbone import (
    ANSWER_WEIGHT,
    STEPS,
    BackboneRecipe,
)
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import seeded, silent

BATCH = 96
HELD_OUT_SEED, HELD_OUT = 999, 1200
_STREAM = 47  # these streams are keyed apart from those of other data


@dataclass(frozen=True)
class QuestionBackbone:
    """A backbone for questions, from which seed."""

    name: str
    start: BackboneRecipe
    """The stream's backbone that it goes on from."""
    seed: int
    home: Path
    steps: int = STEPS
    forecast_s: int = 110

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train it from the stream's backbone that is shipped; that is its reference too."""
        start = self.start.load()
        reference = {key: value.clone() for key, value in start.state_dict().items()}
        model = train(self, start, progress)
        path = folder / f"{self.name}{SUFFIX}"
        checkpoints.write(model.state_dict(), path, reference=reference)
        return checkpoints.describe(self, folder, held_out=held_out(self.load(folder)))

    def load(self, folder: Path | None = None) -> Backbone:
        """Return the model in fp32."""
        model = self.start.load()
        model.load_state_dict(checkpoints.weights(self, folder, reference=dict(model.state_dict())))
        return model.eval().requires_grad_(False)


def train(plan: QuestionBackbone, model: Backbone, progress: Progress = silent) -> Backbone:
    """Train a backbone of streams on questions, in place; return it in evaluation mode."""
    generator = np.random.Generator(np.random.PCG64((_STREAM, plan.seed)))
    with seeded(_STREAM * 1000 + plan.seed):
        model.train().requires_grad_(True)
        value_head = nn.Linear(plan.start.shape.width, MODULUS, bias=False)
        weights = [*model.parameters(), *value_head.parameters()]
        train_backbone.trainer_of(weights, plan.steps).fit(
            lambda step: _loss(model, value_head, ask(generator, BATCH, TRAINED_K)),
            plan.steps,
            progress,
        )
    return model.eval().requires_grad_(False)


def _loss(model: Backbone, value_head: nn.Linear, asked: Asked) -> Tensor:
    """Next token with weighted answers, and the running value at operands."""
    tokens = torch.from_numpy(completed(asked))
    inputs, targets = tokens[:, :-1], tokens[:, 1:].flatten()
    states = model.norm(unit_forward.soft(model, inputs, lambda unit, x, output: output()))
    each = F.cross_entropy(model.head(states).flatten(0, 1), targets, reduction="none")
    first = torch.from_numpy(asked.questions.lengths)[:, None] - 1
    place = torch.arange(inputs.shape[1])
    answers = ((place >= first) & (place < first + ANSWERS)).flatten()
    weight = (targets != PAD) * (1 + (ANSWER_WEIGHT - 1) * answers)
    rows, columns = np.nonzero(asked.keys.places)
    at = asked.keys.places[rows, columns]
    running = torch.from_numpy(asked.keys.running[rows, columns])
    value = F.cross_entropy(
        value_head(states[torch.from_numpy(rows), torch.from_numpy(at)]), running
    )
    return (each * weight).sum() / weight.sum() + value


def held_out(model: Backbone) -> dict[str, float]:
    """Return the share of replies with three right answers, by k, on held-out questions."""
    asked = ask(np.random.Generator(np.random.PCG64((_STREAM, HELD_OUT_SEED))), HELD_OUT)
    tokens = torch.from_numpy(completed(asked))
    with torch.inference_mode(), one_thread():
        states = unit_forward.soft(model, tokens[:, :-1], lambda unit, x, output: output())
        said = model.head(model.norm(states)).argmax(-1)
    at = torch.from_numpy(asked.questions.lengths)[:, None] - 1 + torch.arange(ANSWERS)
    hit = (said.gather(1, at).numpy() == asked.keys.answers).all(axis=1)
    return {f"accuracy_k{k}": round(float(hit[asked.keys.k == k].mean()), 4)
            for k in range(1, ASKED_K + 1)}  # fmt: skip

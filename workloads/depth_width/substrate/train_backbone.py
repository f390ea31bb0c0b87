"""The training recipe: minutes on one core, from a seed, in steps.

AdamW 3e-3, betas (0.9, 0.98), weight decay 0.05, gradient norm clipped to 1; batches of 32 sequences drawn on the
fly; 100 steps of warm-up, constant, linear decay to 5 % over the last 40 %. The curriculum raises the number of
operations per segment from 1 to 4 over the first 30 %.

    loss = cross-entropy of the next token, weight 3 on answers
         + cross-entropy of the running value at operand positions

The second term reads the final state through a linear head d -> 7 that is thrown away: without it only fillers are
learned in minutes. Early exit adds the same two terms after every layer, weighted by depth (l / sum of l).
Routers add their own losses (`recursion_routing.py`).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone, Shape
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import (
    Admission,
    Admit,
    Policy,
    everyone,
    hidden,
)
from adabench.workloads.depth_width.substrate.recursion_routing import (
    Penalty,
    coin_k,
    random_choice,
    threshold,
    token_choice,
    top_k,
)
from adabench.workloads.depth_width.substrate.stream import KMAX, MODULUS, Corpus, draw
from adabench.workloads.depth_width.substrate.work_counter import Work
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.int8_packing import LEVELS
from adabench.workloads.shared.training.schedule import trapezoid
from adabench.workloads.shared.training.trainer import Trainer, seeded, silent

STEPS = 1000
BATCH = 32
RATE, BETAS, WEIGHT_DECAY, CLIP = 3e-3, (0.9, 0.98), 0.05, 1.0
WARM_UP_STEPS, DECAY_FROM, LAST_RATE = 100, 0.6, 0.05
CURRICULUM = 0.3
CAPACITY_WARM_UP = 0.5
ANSWER_WEIGHT = 3.0
HELD_OUT_SEED, HELD_OUT = 999, 256


@dataclass(frozen=True)
class BackboneRecipe:
    """A backbone of plain streams: what to train, from which seed."""

    name: str
    shape: Shape
    seed: int
    home: Path
    loss: Literal["last", "exits", "expert", "token", "coins"] = "last"
    """`exits` reads the head at every layer; `expert` and `token` train a router, `coins` go without."""
    capacities: tuple[float, ...] = ()
    steps: int = STEPS
    forecast_s: int = 120
    levels: int = LEVELS
    """Of the packed file (`int8_packing.py`)."""

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train it and write weights and card; the card is of the file, not of what was trained."""
        path = folder / f"{self.name}{SUFFIX}"
        checkpoints.write(train(self, progress).state_dict(), path, levels=self.levels)
        return checkpoints.describe(self, folder, held_out=held_out(self, self.load(folder)))

    def load(self, folder: Path | None = None) -> Backbone:
        """Return the model in fp32."""
        model = Backbone(self.shape)
        model.load_state_dict(checkpoints.weights(self, folder))
        return model.eval().requires_grad_(False)


@dataclass(frozen=True)
class Batch:
    """Tokens [n, 64] and what the loss may know."""

    inputs: Tensor
    targets: Tensor
    answers: Tensor
    """True where the target is an answer."""
    operands: Tensor
    running: Tensor


def train(recipe: BackboneRecipe, progress: Progress = silent) -> Backbone:
    """Train a recipe from its seed on one thread; return the model in evaluation mode."""
    with seeded(recipe.seed):
        model = Backbone(recipe.shape)
        value_head = nn.Linear(recipe.shape.width, MODULUS, bias=False)
        batches = rising_batches(recipe.seed, recipe.steps)
        trainer_of([*model.parameters(), *value_head.parameters()], recipe.steps).fit(
            lambda step: _loss(recipe, model, value_head, next(batches), step),
            recipe.steps,
            progress,
        )
    return model.eval().requires_grad_(False)


def trainer_of(
    weights: list[nn.Parameter], steps: int, rate: float = RATE, decay_from: float = DECAY_FROM
) -> Trainer:
    """Return the trainer of weights over so many steps: optimiser, schedule and limit as above."""
    optimiser = torch.optim.AdamW(
        weights, lr=rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
    )
    falls = trapezoid(steps, WARM_UP_STEPS, decay_from, LAST_RATE)
    return Trainer(optimiser, schedule=falls, clip=CLIP)


def rising_batches(seed: int, steps: int) -> Iterator[Batch]:
    """Yield the batches of so many steps: segments have more operations over the first of them."""
    generator = np.random.Generator(np.random.PCG64(seed))
    for step in range(steps):
        risen = step / steps / CURRICULUM
        yield batch_of(draw(generator, BATCH, min(KMAX, 1 + int((KMAX - 1) * risen))))


def even_batches(*stream: int) -> Iterator[Batch]:
    """Yield batches of all numbers of operations for ever; a stream is known by its numbers."""
    generator = np.random.Generator(np.random.PCG64(stream))
    while True:
        yield batch_of(draw(generator, BATCH, KMAX))


def batch_of(corpus: Corpus) -> Batch:
    """Turn a corpus into tensors."""
    labels = corpus.labels
    parts = (
        corpus.inputs,
        corpus.targets,
        labels.of("equal"),
        labels.of("operand"),
        labels.running,
    )
    return Batch(*(torch.from_numpy(np.ascontiguousarray(part)) for part in parts))


def _loss(
    recipe: BackboneRecipe, model: Backbone, value_head: nn.Linear, batch: Batch, step: int
) -> Tensor:
    penalty, between = Penalty(), list[Tensor]()
    policy = _policy(recipe, model, penalty, between, step)
    last, _ = hidden(model, batch.inputs, policy, Work())
    states = [*(rows.view_as(last) for rows in between), last]
    weights = torch.arange(1.0, len(states) + 1)
    weights = weights / weights.sum()
    terms = [
        weight * _two_terms(model, value_head, state, batch)
        for weight, state in zip(weights, states, strict=True)
    ]
    return torch.stack([*terms, *penalty.terms]).sum()


def _policy(
    recipe: BackboneRecipe, model: Backbone, penalty: Penalty, between: list[Tensor], step: int
) -> Policy:
    if recipe.loss == "expert":
        return top_k(model, warmed(recipe, step), penalty, BATCH)
    if recipe.loss == "coins":
        return coin_k(model, warmed(recipe, step), BATCH)
    if recipe.loss == "token":
        return token_choice(model, penalty)
    return _witness(between) if recipe.loss == "exits" else everyone


def warmed(recipe: BackboneRecipe, step: int) -> list[float]:
    """Return the capacities at a step: a cosine from 1 down to the recipe's own."""
    share = min(1.0, step / (CAPACITY_WARM_UP * recipe.steps))
    left = (1 + math.cos(math.pi * share)) / 2
    return [c + (1 - c) * left for c in recipe.capacities]


def _witness(states: list[Tensor]) -> Policy:
    """Keep everybody and note the states before every routed stage."""

    def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
        states.append(rows)
        return Admission()

    def start() -> Admit:
        return admit

    return start


def _two_terms(model: Backbone, value_head: nn.Linear, states: Tensor, batch: Batch) -> Tensor:
    normed = model.norm(states)
    return answer_loss(model.head(normed), batch) + value_loss(value_head, normed, batch)


def answer_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Return the cross-entropy of the next token, by logits [B, T, V], with weighted answers."""
    each = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="none")
    weight = 1 + (ANSWER_WEIGHT - 1) * batch.answers.flatten()
    return (each * weight).sum() / weight.sum()


def value_loss(value_head: nn.Module, normed: Tensor, batch: Batch) -> Tensor:
    """Return the cross-entropy of the running value at operands, by final states [B, T, d]."""
    return F.cross_entropy(value_head(normed[batch.operands]), batch.running[batch.operands])


def inference_policy(recipe: BackboneRecipe, model: Backbone) -> Policy:
    """Return the causal policy that a recipe's held-out figures are taken with."""
    if recipe.loss == "expert":
        return threshold(model, [-1.0 if c >= 1 else 0.5 for c in recipe.capacities])
    if recipe.loss == "coins":
        generator = torch.Generator().manual_seed(HELD_OUT_SEED)
        return random_choice(model, recipe.capacities, generator)
    return token_choice(model) if recipe.loss == "token" else everyone


def held_out(recipe: BackboneRecipe, model: Backbone) -> dict[str, float]:
    """Return answer accuracy by k, filler accuracy and executions on held-out sequences."""
    corpus, tokens = held_out_corpus()
    work = Work()
    with torch.inference_mode():
        states, _ = hidden(model, tokens, inference_policy(recipe, model), work)
        logits = model.head(model.norm(states))
    return scores(corpus, logits, sum(len(flat) for _, flat in work.runs) / tokens.numel())


def held_out_corpus() -> tuple[Corpus, Tensor]:
    """Return sequences that nobody was trained on, and their tokens, [n, 64]."""
    corpus = draw(np.random.Generator(np.random.PCG64(HELD_OUT_SEED)), HELD_OUT)
    return corpus, torch.from_numpy(np.ascontiguousarray(corpus.inputs))


def scores(corpus: Corpus, logits: Tensor, executions: float) -> dict[str, float]:
    """Return answer accuracy by k and filler accuracy of logits [n, T, V], with the executions."""
    right = logits.argmax(-1).numpy() == corpus.targets
    equal, k = corpus.labels.of("equal"), corpus.labels.k
    found = {f"accuracy_k{n}": float(right[equal & (k == n)].mean()) for n in range(1, KMAX + 1)}
    words = corpus.labels.word
    found["accuracy_filler"] = float(right[(words == 1) | (words == 2)].mean())
    found["executions"] = executions
    return {name: round(value, 4) for name, value in found.items()}


FOLDER = Path(__file__).parents[1] / "ledger" / "checkpoints"
# The int8 steps that a row's largest weight takes (`int8_packing.py`): a model that is sure of its
# answers keeps them on fewer steps than one that is wrong now and then.
SATURATED, SURE, STEADY, FINE = 23, 31, 47, 63


def plain_backbone(layers: int, seed: int) -> BackboneRecipe:
    """Return the recipe of a plain stack of layers."""
    return BackboneRecipe(
        f"vanilla-{layers}-s{seed}",
        Shape(layers),
        seed,
        FOLDER,
        forecast_s=18 * layers,
        levels=LEVELS if layers == 6 else STEADY,
    )

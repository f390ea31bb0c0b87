"""Trains byte models: AdamW at 3e-3, a rise of 40 steps, a line down to 0, and the balance loss of Switch.

A step reads as many passages of each domain. Passages follow from the seed alone, so every kind of model reads the same.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.moe.experts.recipes import BALANCE, BATCH, SHAPES, Recipe
from adabench.workloads.moe.substrate.byte_corpus import DOMAINS, Ints, split_text
from adabench.workloads.moe.substrate.byte_model import ByteModel, nats, tensors
from adabench.workloads.moe.substrate.expert_layer import balance_loss
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.schedule import trapezoid
from adabench.workloads.shared.training.trainer import Trainer, seeded

RATE, WARM_UP, CLIP = 3e-3, 40.0, 1.0
BETAS = (0.9, 0.98)


def train(recipe: Recipe, progress: Progress) -> dict[str, Tensor]:
    """Train a recipe; return its weights."""
    shape = SHAPES[recipe.kind]
    with seeded(recipe.seed):
        model = ByteModel(shape)
        optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, betas=BETAS, fused=True)
        rate = trapezoid(recipe.steps, WARM_UP, decay_from=0.0, last=0.0)
        trainer = Trainer(optimiser, schedule=rate, clip=CLIP)
        trainer.fit(_loss(model, batches(recipe.seed, shape.length)), recipe.steps, progress)
        return {name: value.detach().clone() for name, value in model.state_dict().items()}


def batches(seed: int, length: int) -> Callable[[], Ints]:
    """Return what draws a step's passages, [BATCH, length + 1]."""
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(4,)))
    texts = [split_text(domain, "train") for domain in DOMAINS]

    def draw() -> Ints:
        each = BATCH // len(texts)
        starts = [random.integers(len(text) - length, size=each) for text in texts]
        window = np.arange(length + 1)
        rows = [text[first[:, None] + window] for text, first in zip(texts, starts, strict=True)]
        return np.concatenate(rows).astype(np.int64)

    return draw


def _loss(model: ByteModel, draw: Callable[[], Ints]) -> Callable[[int], Tensor]:
    def loss(step: int) -> Tensor:
        del step
        shown, following = tensors(draw())
        read = model(shown)
        found = nats(read.logits, following).mean()
        if model.shape.experts > 1:
            found = found + BALANCE * torch.stack([balance_loss(s) for s in read.scores]).sum()
        return found

    return loss

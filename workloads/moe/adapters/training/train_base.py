"""How the base learns: next answers of plain sequences, both orders and both notations by plain words."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.moe.adapters.recipes import Recipe
from adabench.workloads.moe.adapters.substrate.adapter import NOTHING, forward
from adabench.workloads.moe.adapters.substrate.base_model import Base, fresh_base
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import WORDS, Sequences, draw_plain
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.schedule import warmed
from adabench.workloads.shared.training.trainer import Trainer

BATCH, RATE, WARM_UP, DECAY, CLIP = 64, 4e-3, 100, 0.1, 1.0
SMOOTHING = 0.05
"""Of labels: a base that is never sure of what it does not know yet learns it sooner."""
_STREAM = 61


def train(recipe: Recipe, progress: Progress) -> dict[str, Tensor]:
    """Train the base; return its weights."""
    base = fresh_base(torch.Generator().manual_seed(_STREAM + recipe.seed))
    for weight in base.weights.values():
        weight.requires_grad_()
    optimiser = torch.optim.AdamW(
        base.weights.values(), lr=RATE, betas=(0.9, 0.98), weight_decay=DECAY, fused=True
    )
    generator = np.random.Generator(np.random.PCG64((_STREAM, recipe.seed)))

    def rate(peak: float, step: int) -> float:
        falling = 1 - max(0.0, (step / recipe.steps - 0.5) / 0.5)
        return peak * warmed(step, WARM_UP) * max(falling, 0.02)

    trainer = Trainer(optimiser, schedule=rate, clip=CLIP)
    trainer.fit(lambda step: loss_of(base, draw_plain(generator, BATCH)), recipe.steps, progress)
    return {name: weight.detach() for name, weight in base.weights.items()}


def loss_of(base: Base, batch: Sequences) -> Tensor:
    """Return the loss of all answers of a batch."""
    step = Pass(base, torch.from_numpy(batch.tokens), torch.from_numpy(batch.tasks), Work())
    logits = forward(step, NOTHING)[:, WORDS + 1 :]
    answers = torch.from_numpy(batch.answers).flatten()
    return F.cross_entropy(logits.flatten(0, 1), answers, label_smoothing=SMOOTHING)

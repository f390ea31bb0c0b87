"""How small language models are trained.

AdamW, betas (0.9, 0.98), weight decay 0.01, gradient norm clipped to 1; a warm-up, a constant rate, and a
fall in a line to 5 % over the last fifth of the steps.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.training.schedule import Schedule, trapezoid
from adabench.workloads.shared.training.trainer import Trainer

BETAS, WEIGHT_DECAY, CLIP = (0.9, 0.98), 0.01, 1.0
WARM_UP_STEPS, DECAY_FROM, LAST_RATE = 100, 0.8, 0.05


def schedule(steps: int, warm_up: int = WARM_UP_STEPS) -> Schedule:
    """Return the learning rate over so many steps."""
    return trapezoid(steps, warm_up, DECAY_FROM, LAST_RATE)


def trainer_of(
    model: LanguageModel, rate: float, steps: int, warm_up: int = WARM_UP_STEPS
) -> Trainer:
    """Return the trainer of a model over so many steps; `rate` is the peak."""
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
    )
    return Trainer(optimiser, schedule=schedule(steps, warm_up), clip=CLIP)


def next_word_loss(model: LanguageModel, ids: Tensor, targets: Tensor, ignored: int) -> Tensor:
    """Return the mean cross-entropy of the words that follow ids [n, T], those `ignored` aside."""
    own = targets != ignored
    logits = F.linear(model.states(ids)[own], model.embedding.weight)
    return F.cross_entropy(logits, targets[own])

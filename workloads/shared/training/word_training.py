"""How a small policy learns to write: matrices by the orthogonal steps of Muon, all else by AdamW, and a running mean of the weights.

Batches are drawn several at a time and cut by length, so that little is spent on padding; the loss is that of
completions alone. The rate rises over `WARM_UP_STEPS`, then falls in a straight line to nothing.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.vocabulary import PAD
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.language_recipe import (
    BETAS,
    CLIP,
    WARM_UP_STEPS,
    WEIGHT_DECAY,
    next_word_loss,
)
from adabench.workloads.shared.training.trainer import RunningMean, Trainer

MOMENTUM, MEAN = 0.95, 0.985
"""Of Muon, and what the running mean of the weights keeps at each step."""
POOL = 8
"""Batches that are drawn at a time."""
IGNORED = -100

Row = tuple[tuple[int, ...], tuple[int, ...]]
"""A prompt and a completion."""


def follow(
    model: LanguageModel,
    rate: float,
    steps: int,
    batches: Iterator[tuple[Tensor, Tensor]],
    progress: Progress,
) -> dict[str, Tensor]:
    """Train on (ids, targets) [batch, T] for so many steps; return the mean of the weights."""
    trainer = Trainer(
        *_optimisers(model, rate),
        schedule=lambda peak, step: peak * _share(step + 1, steps),
        clip=CLIP,
        clipped=model.parameters(),
    )
    mean = RunningMean(model, MEAN)
    for done in trainer.follow(lambda _: next_word_loss(model, *next(batches), IGNORED), steps):
        mean.update()
        progress(done, steps)
    return mean.weights


def batches_of(
    draw: Callable[[int, float], Sequence[Row]], batch: int, steps: int, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield ids and targets for ever; `draw` returns so many rows, of the share of the steps that is done."""
    generator, done = np.random.Generator(np.random.PCG64(seed)), 0
    while True:
        rows = sorted(draw(POOL * batch, done / steps), key=lambda row: len(row[0]) + len(row[1]))
        for part in generator.permutation(POOL):
            yield padded(rows[part * batch : (part + 1) * batch])
            done += 1


def padded(rows: Sequence[Row]) -> tuple[Tensor, Tensor]:
    """Return prompts and completions as ids and the words that follow, those of prompts aside."""
    width = max(len(prompt) + len(completion) for prompt, completion in rows) - 1
    ids = torch.full((len(rows), width), PAD)
    targets = torch.full((len(rows), width), IGNORED)
    for row, (prompt, completion) in enumerate(rows):
        whole = torch.tensor((*prompt, *completion))
        ids[row, : len(whole) - 1] = whole[:-1]
        targets[row, len(prompt) - 1 : len(whole) - 1] = torch.tensor(completion)
    return ids, targets


def _optimisers(model: LanguageModel, rate: float) -> tuple[torch.optim.Optimizer, ...]:
    named = list(model.named_parameters())
    turned = {name for name, p in named if p.dim() == 2 and not name.startswith(("embed", "prev"))}
    muon = torch.optim.Muon(
        [p for name, p in named if name in turned], lr=rate, momentum=MOMENTUM,
        # Steps of AdamW's size, so that one rate serves both.
        weight_decay=WEIGHT_DECAY, adjust_lr_fn="match_rms_adamw",
    )  # fmt: skip
    rest = [p for name, p in named if name not in turned]
    adam = torch.optim.AdamW(rest, lr=rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True)
    return muon, adam


def _share(step: int, steps: int) -> float:
    """Return the learning rate as a share of its peak."""
    return min(1.0, step / WARM_UP_STEPS) * (1 - step / (steps + 1))

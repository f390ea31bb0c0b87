"""The training recipe of the second make: shorter, and until a model is as good as is asked.

The data and the loss of `train_models.py`, made cheaper: numbers are small at first (in `EASY`, up to 9
and then 19, in short problems; lengths rise later), which teaches digits and carries; matrices take
the orthogonal steps of Muon (embedding and gains AdamW's); the rate falls in a straight line, batches
are small, and what counts is a running mean of the weights, which is ahead of them. A policy must leave room above it, so a training
ends by accuracy, not by loss: from the recipe's `first_look` on, every `LOOK_STEPS`, the mean answers
questions of the `dev` split of all lengths. The first look that finds the recipe's accuracy ends it,
and of that look and the one before the nearer is taken. A training that does not get there ends after
its steps; its card says what it scored.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.language_recipe import (
    BETAS,
    CLIP,
    WARM_UP_STEPS,
    WEIGHT_DECAY,
    next_word_loss,
)
from adabench.workloads.shared.training.trainer import RunningMean, Trainer, silent
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.problems import LONGEST, MODULUS, Problem, stream
from adabench.workloads.test_time.chain.training.train_models import (
    IGNORE_INDEX,
    accuracy,
    pad,
    pooled,
)

EASY, NUMBERS, EASY_LENGTH = 0.12, (9, 19), 3
"""Share of the steps with small numbers, half of it up to each, and the longest problems there."""
RISEN = 0.4
"""Share of the steps after which problems are of all lengths."""
MOMENTUM = 0.95
MEAN = 0.985
"""What the running mean keeps at each step."""
LOOK_STEPS = 50
DEV_SEED, DEV_PROBLEMS = 6, 50
"""Of each length; other questions than those that a card reports."""

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Look:
    """A model at a moment of its training, and how far it is from the target."""

    weights: Weights
    distance: float
    """Above 0: better than the target."""


def train(
    recipe: Recipe, progress: Progress = silent, *, start: LanguageModel | None = None
) -> LanguageModel:
    """Train a language model from its seed, or on from `start`; return it in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = LanguageModel(recipe.shape)
        if start is not None:
            grow(model, start)
        steps = follow(model, recipe, _batches(recipe, rising=start is None), progress)
        model.load_state_dict(_chosen(steps, recipe))
    return model.eval().requires_grad_(False)


def grow(model: LanguageModel, start: LanguageModel) -> None:
    """Make a model compute what another one does, whose layers are fewer; new ones stand behind each.

    Layers are residual: one that writes nothing changes nothing.
    """
    fold = model.shape.layers // start.shape.layers
    model.embedding.load_state_dict(start.embedding.state_dict())
    model.norm.load_state_dict(start.norm.state_dict())
    for index, block in enumerate(model.blocks):
        if index % fold == 0:
            block.load_state_dict(start.blocks[index // fold].state_dict())
        else:
            for name in ("out", "down"):
                nn.init.zeros_(block.get_submodule(name).get_parameter("weight"))


def _chosen(steps: Iterator[tuple[int, Weights]], recipe: Recipe) -> Weights:
    """Follow a training until a look finds the recipe's accuracy; return the weights to be kept."""
    last, mean = Look({}, float("-inf")), Weights()
    for done, mean in steps:
        if not recipe.accuracy or done < recipe.first_look * recipe.steps or done % LOOK_STEPS:
            continue
        look = _look(mean, recipe)
        if look.distance >= 0:
            return min(last, look, key=lambda one: abs(one.distance)).weights
        last = look
    return mean


def follow(
    model: LanguageModel,
    recipe: Recipe,
    batches: Iterator[tuple[Tensor, Tensor]],
    progress: Progress,
) -> Iterator[tuple[int, Weights]]:
    """Train on (ids, targets), and yield after each step how many are done, and the mean of the weights."""
    trainer = Trainer(
        *_optimisers(model, recipe),
        schedule=lambda peak, step: peak * _share(step + 1, recipe.steps),
        clip=CLIP,
        clipped=model.parameters(),
    )
    mean = RunningMean(model, MEAN)

    def loss(step: int) -> Tensor:
        del step
        return next_word_loss(model, *next(batches), IGNORE_INDEX)

    for done in trainer.follow(loss, recipe.steps):
        mean.update()
        progress(done, recipe.steps)
        yield done, mean.weights


def _batches(recipe: Recipe, *, rising: bool = True) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (ids, targets) [batch, T] for ever; unless `rising`, they are as hard from the start."""
    generator = np.random.Generator(np.random.PCG64(recipe.seed))
    done = 0
    while True:
        longest, largest = hardness(done / recipe.steps if rising else 1.0)
        for rows in pooled(generator, recipe, longest, largest):
            yield pad(rows)
            done += 1


def hardness(share: float) -> tuple[int, int]:
    """Return the longest problems and the largest numbers at a share of the steps."""
    if share < EASY:
        return EASY_LENGTH, NUMBERS[int(share / EASY * len(NUMBERS))]
    risen = min(1.0, (share - EASY) / (RISEN - EASY))
    return EASY_LENGTH + int((LONGEST - EASY_LENGTH) * risen), MODULUS - 1


def _optimisers(model: LanguageModel, recipe: Recipe) -> tuple[torch.optim.Optimizer, ...]:
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" not in name]
    own = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in own]
    muon = torch.optim.Muon(
        matrices,
        lr=recipe.rate,
        momentum=MOMENTUM,
        weight_decay=WEIGHT_DECAY,
        # Steps of AdamW's size, so that one rate serves both.
        adjust_lr_fn="match_rms_adamw",
    )
    adam = torch.optim.AdamW(
        rest, lr=recipe.rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
    )
    return muon, adam


def _share(step: int, steps: int) -> float:
    """Return the learning rate as a share of its peak."""
    return min(1.0, step / WARM_UP_STEPS) * (1 - step / (steps + 1))


def _look(mean: Weights, recipe: Recipe) -> Look:
    """Answer the questions greedily and by one sample, as from the shipped file; keep the weights."""
    weights = copy.deepcopy(mean)
    reader = LanguageModel(recipe.shape)
    reader.load_state_dict({key: value.half().float() for key, value in weights.items()})
    engine = NativeEngine(reader.eval().requires_grad_(False), "training")
    scores = [accuracy(engine, part, heat) for part in _questions() for heat in (0.0, 1.0)]
    return Look(weights, sum(scores) / len(scores) - recipe.accuracy)


@cache
def _questions() -> tuple[list[Problem], ...]:
    lengths = range(1, LONGEST + 1)
    return tuple(list(islice(stream("dev", DEV_SEED, [d]), DEV_PROBLEMS)) for d in lengths)

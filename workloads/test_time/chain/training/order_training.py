"""The training recipe of the format `orders`: the table of products first, then long problems.

Optimisers, schedule and running mean are those of `short_training.py`; loss on the completion only. In `EASY`
problems have at most two factors and batches are large, which teaches the table (1,728 products); then lengths
rise to all seven. All factors are equally likely, and so are all orders. Traces are a teacher's who misremembers
what the recipe says, so that nothing depends on when a training ends. What is written is rounded to eight bits.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.training import int8_packing
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import silent
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.order_problems import LONGEST, stream
from adabench.workloads.test_time.chain.training.short_training import follow, grow
from adabench.workloads.test_time.chain.training.train_models import POOL, pad
from adabench.workloads.test_time.chain.truth.order_solutions import trace

EASY, EASY_LENGTH, EASY_BATCHES = 0.35, 2, 4
"""Share of the steps with short problems, their longest, and by how many times a batch is larger there."""
RISEN = 0.5
"""Share of the steps after which problems are of all lengths."""

Row = tuple[tuple[int, ...], tuple[int, ...]]
"""A prompt and a completion."""


def train(
    recipe: Recipe, progress: Progress = silent, *, start: LanguageModel | None = None
) -> LanguageModel:
    """Train a language model from its seed, or on from `start`; return it as a file will have it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = LanguageModel(recipe.shape)
        if start is not None:
            grow(model, start)
        drawn = _batches(recipe, rising=start is None)
        *_, (_, mean) = follow(model, recipe, drawn, progress)
        model.load_state_dict(int8_packing.unpacked(int8_packing.packed(mean)))
    return model.eval().requires_grad_(False)


def hardness(share: float) -> tuple[int, int]:
    """Return the longest problems at a share of the steps, and by how many times a batch is larger."""
    if share < EASY:
        return EASY_LENGTH, EASY_BATCHES
    risen = min(1.0, (share - EASY) / (RISEN - EASY))
    return EASY_LENGTH + int((LONGEST - EASY_LENGTH) * risen), 1


def _batches(recipe: Recipe, *, rising: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (ids, targets) [batch, T] for ever; unless `rising`, they are as hard from the start."""
    generator = np.random.Generator(np.random.PCG64(recipe.seed))
    done = 0
    while True:
        longest, larger = hardness(done / recipe.steps if rising else 1.0)
        for rows in _pooled(generator, recipe, longest, larger * recipe.batch):
            yield pad(rows)
            done += 1


def _pooled(
    generator: np.random.Generator, recipe: Recipe, longest: int, batch: int
) -> Iterator[list[Row]]:
    """Yield the pairs of eight batches, each of about one length."""
    problems = stream("train", int(generator.integers(1 << 40)), range(1, longest + 1))
    rows = [
        (problem.prompt, trace(problem, generator, recipe.mistaken))
        for problem in islice(problems, POOL * batch)
    ]
    rows.sort(key=lambda row: len(row[1]))
    for part in generator.permutation(POOL):
        yield rows[part * batch : (part + 1) * batch]

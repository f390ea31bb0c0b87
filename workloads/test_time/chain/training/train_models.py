"""The training recipe of the first policy of the format `splits`.

Optimiser and schedule are those of `language_recipe.py`. The curriculum raises the longest problem
from 2 operations to all 8 over the first 40 % of the steps. Loss on the completion only. Batches
are drawn eight at a time and cut by length, so that little is spent on padding.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.shared.language_model.contract import Costs, Engine, mix
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.vocabulary import PAD
from adabench.workloads.shared.training import language_recipe
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.language_recipe import next_word_loss
from adabench.workloads.shared.training.trainer import silent
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.problems import (
    LONGEST,
    MODULUS,
    Problem,
    answer,
    room,
    stream,
)
from adabench.workloads.test_time.chain.truth.worked_solutions import trace, truth

CURRICULUM, SHORTEST = 0.4, 2
POOL = 8
IGNORE_INDEX = -100


def train(recipe: Recipe, progress: Progress = silent) -> LanguageModel:
    """Train a language model from its seed; return it in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model, drawn = LanguageModel(recipe.shape), batches(recipe)
        language_recipe.trainer_of(model, recipe.rate, recipe.steps).fit(
            lambda step: next_word_loss(model, *next(drawn), IGNORE_INDEX), recipe.steps, progress
        )
    return model.eval().requires_grad_(False)


def batches(recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (ids, targets) [batch, T] for ever, eight at a time out of one pool."""
    generator = np.random.Generator(np.random.PCG64(recipe.seed))
    done = 0
    while True:
        risen = min(1.0, done / (CURRICULUM * recipe.steps))
        longest = SHORTEST + int((LONGEST - SHORTEST) * risen)
        for rows in pooled(generator, recipe, longest):
            yield pad(rows)
            done += 1


def pooled(
    generator: np.random.Generator, recipe: Recipe, longest: int, largest: int = MODULUS - 1
) -> Iterator[list[tuple[tuple[int, ...], tuple[int, ...]]]]:
    """Yield the (prompt, completion) pairs of eight batches, each of about one length."""
    seed = int(generator.integers(1 << 40))
    problems = stream("train", seed, range(1, longest + 1), largest)
    rows = [
        (problem.prompt, trace(problem, generator))
        for problem in islice(problems, POOL * recipe.batch)
    ]
    rows.sort(key=lambda row: len(row[0]) + len(row[1]))
    for part in generator.permutation(POOL):
        yield rows[part * recipe.batch : (part + 1) * recipe.batch]


def pad(rows: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> tuple[Tensor, Tensor]:
    """Turn (prompt, completion) pairs into ids and next-token targets."""
    width = max(len(prompt) + len(completion) for prompt, completion in rows) - 1
    ids = torch.full((len(rows), width), PAD)
    targets = torch.full((len(rows), width), IGNORE_INDEX)
    for row, (prompt, completion) in enumerate(rows):
        whole = torch.tensor((*prompt, *completion))
        ids[row, : len(whole) - 1] = whole[:-1]
        targets[row, len(prompt) - 1 : len(whole) - 1] = torch.tensor(completion)
    return ids, targets


def accuracy(policy: Engine, problems: list[Problem], temperature: float) -> float:
    """Return the share of problems that one completion each gets right."""
    policy.reset(Costs())
    seqs = [policy.open(problem.prompt, mix(11, i)) for i, problem in enumerate(problems)]
    longest = max(room(problem.prompt) for problem in problems)
    policy.decode(seqs, max_new=longest, temperature=temperature)
    right = [
        answer(seq.completion) == truth(problem)
        for seq, problem in zip(seqs, problems, strict=True)
    ]
    return sum(right) / len(right)

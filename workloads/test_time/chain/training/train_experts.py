"""How a policy of experts goes on from a dense one whose MLP they were cut out of (sparse upcycling, arXiv 2212.05055).

    loss = cross-entropy of the completion + 0.01 E sum_e f_e P_e        f: first choices, P: mean probabilities (Switch, arXiv 2101.03961)

Problems are those of the dense policy's training, of all lengths from the start; AdamW, as there.
"""

from collections.abc import Iterator
from itertools import chain, repeat

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.routed_model import RoutedBlock
from adabench.workloads.shared.training import language_recipe
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import silent
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.problems import LONGEST
from adabench.workloads.test_time.chain.training.train_models import IGNORE_INDEX, pad, pooled

BALANCE = 0.01


def train(recipe: Recipe, start: LanguageModel, progress: Progress = silent) -> LanguageModel:
    """Train a model of experts on from `start`; return it in evaluation mode."""
    drawn, scores = _batches(recipe), list[Tensor]()
    hooks = [
        block.router.register_forward_hook(lambda _, __, found: scores.append(found))
        for block in start.blocks
        if isinstance(block, RoutedBlock)
    ]

    def loss(step: int) -> Tensor:
        del step
        scores.clear()
        words = language_recipe.next_word_loss(start, *next(drawn), IGNORE_INDEX)
        return words + BALANCE * sum(map(balance_loss, scores), torch.zeros(()))

    trainer = language_recipe.trainer_of(start, recipe.rate, recipe.steps)
    trainer.fit(loss, recipe.steps, progress)
    for hook in hooks:
        hook.remove()
    return start.eval().requires_grad_(False)


def balance_loss(scores: Tensor) -> Tensor:
    """Return E sum_e f_e P_e of rows' scores [n, E]: 1 where all experts are chosen alike."""
    odds = scores.softmax(-1)
    first = F.one_hot(scores.argmax(-1), scores.shape[-1]).to(odds.dtype).mean(0)
    return scores.shape[-1] * (first * odds.mean(0)).sum()


def _batches(recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (ids, targets) [batch, T] for ever."""
    generator = np.random.Generator(np.random.PCG64(recipe.seed))
    pools = (pooled(generator, recipe, LONGEST) for _ in repeat(None))
    return map(pad, chain.from_iterable(pools))

"""The training recipe of the family's policies.

Optimiser and schedule are those of `language_recipe.py`. Loss on a policy's own words only, by the weights of their trace.
Batches are cut by length from pools of four, so that little is spent on padding.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.agents.lookup.training.expert import Trace
from adabench.workloads.agents.lookup.training.trace_mixture import traces
from adabench.workloads.agents.substrate.action_words import PAD
from adabench.workloads.agents.substrate.policy_recipes import PlanRecipe, PolicyRecipe
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.training import language_recipe
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.language_recipe import WARM_UP_STEPS
from adabench.workloads.shared.training.trainer import silent

POOL = 4
"""Batches that are cut out of one pool."""

Batch = tuple[Tensor, Tensor, Tensor]
"""Ids, the words that follow them, and how much each of those counts, all [batch, T]."""


def train(
    recipe: PolicyRecipe | PlanRecipe,
    progress: Progress = silent,
    source: Callable[[int], Iterator[Trace]] = traces,
) -> LanguageModel:
    """Train a policy from its seed on traces; return it in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = LanguageModel(recipe.shape)
        drawn = batches(source(recipe.seed), recipe.seed, recipe.batch)
        fit(model, drawn, recipe.steps, recipe.rate, progress)
    return model.eval().requires_grad_(False)


def fit(
    model: LanguageModel,
    drawn: Iterator[Batch],
    steps: int,
    rate: float,
    progress: Progress = silent,
    *,
    warm_up: int = WARM_UP_STEPS,
    beside: Iterator[Batch] | None = None,
) -> None:
    """Train a model on batches, a step each, at a rate that warms up and decays.

    `beside`: further batches, whose loss counts as much as that of the first.
    """
    trainer = language_recipe.trainer_of(model, rate, steps, warm_up)
    parts = [drawn] if beside is None else [drawn, beside]
    trainer.fit(lambda step: (loss(model, *next(part)) for part in parts), steps, progress)


def loss(model: LanguageModel, ids: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean of the cross-entropy of own words."""
    own = weights > 0
    logits = F.linear(model.states(ids)[own], model.embedding.weight)
    each = F.cross_entropy(logits, targets[own], reduction="none")
    return (each * weights[own]).sum() / weights[own].sum()


def batches(
    source: Iterator[Trace], seed: int, batch: int, pool_batches: int = POOL
) -> Iterator[Batch]:
    """Yield (ids, targets, weights) [batch, T] for ever, `pool_batches` at a time out of one pool.

    Those of one pool are cut by length; where a batch must have all lengths, a pool is one batch.
    """
    draws = Draws(seed)
    while True:
        pool = sorted(
            islice(source, pool_batches * batch), key=lambda one: len(one.prompt) + len(one.words)
        )
        for part in draws.distinct(range(pool_batches), pool_batches):
            yield padded(pool[part * batch : (part + 1) * batch])


def padded(rows: Sequence[Trace]) -> Batch:
    """Turn traces into ids, the words that follow them, and how much each of those counts."""
    width = max(len(row.prompt) + len(row.words) for row in rows) - 1
    ids = torch.full((len(rows), width), PAD)
    targets = torch.full((len(rows), width), PAD)
    weights = torch.zeros(len(rows), width)
    for row, trace in enumerate(rows):
        whole = torch.tensor((*trace.prompt, *trace.words))
        first, end = len(trace.prompt) - 1, len(whole) - 1
        ids[row, :end], targets[row, :end] = whole[:-1], whole[1:]
        weights[row, first:end] = torch.tensor(trace.weights)
    return ids, targets, weights

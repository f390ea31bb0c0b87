"""The training recipe of the family's policies.

AdamW, betas (0.9, 0.98), weight decay 0.01, gradient norm clipped to 1; 100 steps of warm-up, constant,
linear decay to 5 % over the last fifth. Loss on a policy's own words only, by the weights of their trace.
Batches are cut by length from pools of four, so that little is spent on padding.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.agents.lookup.training.expert import Trace
from adabench.workloads.agents.lookup.training.trace_mixture import traces
from adabench.workloads.agents.substrate.action_words import PAD
from adabench.workloads.agents.substrate.policy_recipes import PlanRecipe, PolicyRecipe
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.shared.language_model.model import LanguageModel

BETAS, WEIGHT_DECAY, CLIP = (0.9, 0.98), 0.01, 1.0
WARM_UP_STEPS, DECAY_FROM, LAST_RATE = 100, 0.8, 0.05
POOL = 4
"""Batches that are cut out of one pool."""

Progress = Callable[[int, int], None]
Batch = tuple[Tensor, Tensor, Tensor]
"""Ids, the words that follow them, and how much each of those counts, all [batch, T]."""


def train(
    recipe: PolicyRecipe | PlanRecipe,
    progress: Progress = lambda done, steps: None,
    source: Callable[[int], Iterator[Trace]] = traces,
) -> LanguageModel:
    """Train a policy from its seed on traces; return it in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = LanguageModel(recipe.shape)
        drawn = islice(batches(source(recipe.seed), recipe.seed, recipe.batch), recipe.steps)
        fit(model, drawn, recipe.steps, recipe.rate, progress)
    return model.eval().requires_grad_(False)


def fit(
    model: LanguageModel,
    drawn: Iterator[Batch],
    steps: int,
    rate: float,
    progress: Progress = lambda done, steps: None,
    *,
    warm_up: int = WARM_UP_STEPS,
    beside: Iterator[Batch] | None = None,
) -> None:
    """Train a model on batches, a step each, at a rate that warms up and decays.

    `beside`: further batches, whose loss counts as much as that of the first.
    """
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
    )
    for step, batch in enumerate(drawn):
        for group in optimiser.param_groups:
            group["lr"] = rate * schedule(step, steps, warm_up)
        optimiser.zero_grad()
        torch.autograd.backward(loss(model, *batch))
        if beside is not None:
            torch.autograd.backward(loss(model, *next(beside)))
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        progress(step + 1, steps)


def loss(model: LanguageModel, ids: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean of the cross-entropy of own words."""
    own = weights > 0
    logits = F.linear(model.states(ids)[own], model.embedding.weight)
    each = F.cross_entropy(logits, targets[own], reduction="none")
    return (each * weights[own]).sum() / weights[own].sum()


def schedule(step: int, steps: int, warm_up: int = WARM_UP_STEPS) -> float:
    """Return the learning rate as a share of its peak."""
    warm = min(1.0, (step + 1) / warm_up)
    late = max(0.0, (step / steps - DECAY_FROM) / (1 - DECAY_FROM))
    return warm * (1 - (1 - LAST_RATE) * late)


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

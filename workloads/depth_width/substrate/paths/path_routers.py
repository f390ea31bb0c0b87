"""Routers that choose a path, one a layer, what a method that chooses paths holds, and its task.

    pooled   the prompt's states entering layer l, cut into W = 8 equal windows (fewer where the
             prompt is shorter; the remainder at the end is left out), the mean of each
    logits   W2 of the mean over windows of gelu(W1 pooled)     d -> 32 -> 3: skip, once, twice

The base is frozen. Training runs each layer as the label says, so every router sees the states of the labelled
path. Loss: focal, gamma = 2, with weights (1 - beta) / (1 - beta^n_c), beta = 0.999, from the counts n_c of the
whole supervision, scaled to mean 1. AdamW 1e-3, weight decay 0.01, a tenth of warm-up, cosine, 25 epochs in
batches of 16.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.paths.path_forward import (
    Decide,
    Reply,
    answer,
    fixed,
    prefill,
)
from adabench.workloads.depth_width.substrate.questions import Asked, Exam, completed
from adabench.workloads.depth_width.substrate.work_counter import Work
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.schedule import cosine
from adabench.workloads.shared.training.trainer import Trainer

WINDOWS, NARROW, CHOICES = 8, 32, 3
GAMMA, BETA = 2.0, 0.999
PUBLISHED = 126_812
"""Labels in the paper's supervision, a layer of a question each."""
RATE, WEIGHT_DECAY, WARM_UP, BATCH = 1e-3, 0.01, 0.1, 16
UNMOVED = -0.5
"""The `p` at which routers decide alone."""


class Routers(nn.Module):
    """One small classifier a layer."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.narrow = nn.ModuleList(nn.Linear(width, NARROW) for _ in range(layers))
        self.wide = nn.ModuleList(nn.Linear(NARROW, CHOICES) for _ in range(layers))
        for module in (*self.narrow, *self.wide):
            assert isinstance(module, nn.Linear)
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)

    def forward(self, layer: int, pooled: Tensor, share: Tensor) -> Tensor:
        """Map windows [n, W, d] to logits [n, 3]; `share` [n, W] is each window's in the mean.

        The last map is linear, so that it may follow the mean and run once a question.
        """
        hidden = F.gelu(self.narrow[layer](pooled), approximate="tanh")
        logits: Tensor = self.wide[layer](torch.bmm(share[:, None], hidden)[:, 0])
        return logits


def windows(lengths: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """Return each window's weights over the positions [n, W, T], and its share in the mean."""
    count = lengths.clamp(max=WINDOWS)
    size = lengths // count
    index = torch.arange(longest) // size[:, None]
    inside = index[:, None] == torch.arange(WINDOWS)[:, None]
    real = torch.arange(WINDOWS) < count[:, None]
    weights = (inside & real[..., None]) / size[:, None, None]
    return weights, real / count[:, None]


def decide(routers: Routers, p: float = UNMOVED) -> Decide:
    """Return the routers' decision for whole prompts; `p` moves it (`biased`)."""
    made: list[tuple[Tensor, Tensor]] = []

    def judge(layer: int, states: Tensor, lengths: Tensor, work: Work) -> Tensor:
        if layer == 0:
            made[:] = [windows(lengths, states.shape[1])]
        weights, share = made[0]
        n, longest, d = states.shape
        work.flops += 2 * n * WINDOWS * (longest * d + d * NARROW + NARROW)
        work.flops += 2 * n * NARROW * CHOICES
        logits = routers(layer, weights @ states, share)
        chances = logits if p == UNMOVED else biased(logits.softmax(-1), p)
        return chances.argmax(-1)

    return judge


def biased(chances: Tensor, p: float) -> Tensor:
    """Mix chances [n, 3] with a certain choice: skip below -0.5, once to 0.5, twice above.

    p = -1 skips everything, -0.5 is the routers' own, 0.5 the frozen model, 1 repeats everything.
    """
    skip, once, twice = torch.eye(CHOICES).unbind()
    if p <= -0.5:
        return chances.lerp(skip.expand_as(chances), -1 - 2 * p)
    if p <= 0.5:
        return chances.lerp(once.expand_as(chances), p + 0.5)
    return once.lerp(twice, 2 * p - 1).expand_as(chances)


def cheapest(costs: Tensor, menu: int, dear: float) -> list[int]:
    """Choose `menu` rows of costs [C, n] one by one, each lowering the summed least cost most.

    Where nothing is chosen yet a column costs `dear`.
    """
    price, chosen = torch.full_like(costs[0], dear), list[int]()
    for _ in range(min(menu, len(costs))):
        best = int(torch.minimum(costs, price).sum(1).argmin())
        chosen.append(best)
        price = torch.minimum(price, costs[best])
    return list(dict.fromkeys(chosen))


def tensors(asked: Asked) -> tuple[Tensor, Tensor]:
    """Return questions with answers, and the lengths of their prompts."""
    return torch.from_numpy(completed(asked)), torch.from_numpy(asked.questions.lengths)


Seen = tuple[Tensor, Tensor]
"""Pooled states entering each layer on the labelled path [L, n, W, d], and windows' shares."""


@torch.no_grad()
def seen(base: Backbone, tokens: Tensor, lengths: Tensor, passes: Tensor) -> Seen:
    """Run the labelled paths on prompts and pool what enters each layer."""
    prompts = tokens[:, : int(lengths.max())]
    weights, share = windows(lengths, prompts.shape[1])
    pooled: list[Tensor] = []
    follow = fixed(passes)

    def watch(layer: int, states: Tensor, lengths: Tensor, work: Work) -> Tensor:
        pooled.append(weights @ states)
        return follow(layer, states, lengths, work)

    prefill(base, prompts, lengths, watch, Work())
    return torch.stack(pooled), share


def class_weights(counts: list[int]) -> Tensor:
    """Return effective-number weights of mean 1; a class that never occurs weighs like one.

    Counts are scaled to the paper's total: of a few thousand labels beta = 0.999 would make of a
    mild correction (1.3 to 1) one of 20 to 1, and routers would skip and repeat at a guess.
    """
    scale = PUBLISHED / sum(counts)
    share = [(1 - BETA) / (1 - BETA ** (scale * max(1, n))) for n in counts]
    weights: Tensor = torch.tensor(share) / (sum(share) / len(share))
    return weights


def focal(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean focal loss of logits [..., 3]."""
    log_chance = logits.log_softmax(-1).gather(-1, labels[..., None])[..., 0]
    return -(weights[labels] * (1 - log_chance.exp()) ** GAMMA * log_chance).mean()


def fit(
    routers: Routers,
    given: Seen,
    passes: Tensor,
    epochs: int,
    progress: Progress,
    often: Tensor | None = None,
) -> None:
    """Teach routers the labels, passes [n, L], in place; `often` [n] is how often each is drawn."""
    pooled, share = given
    each = torch.ones(len(passes)) if often is None else often
    counts = torch.stack([(each[:, None] * (passes == choice)).sum() for choice in range(CHOICES)])
    weights = class_weights(counts.long().tolist())
    optimiser = torch.optim.AdamW(routers.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    steps = epochs * (len(share) // BATCH)

    def loss(step: int) -> Tensor:
        del step
        rows = (
            torch.randint(len(share), (BATCH,))
            if often is None
            else torch.multinomial(often, BATCH, replacement=True)
        )
        logits = torch.stack([routers(i, pooled[i, rows], share[rows]) for i in range(len(pooled))])
        return focal(logits, passes[rows].T, weights)

    trainer = Trainer(optimiser, schedule=cosine(steps, WARM_UP * steps))
    trainer.fit(loss, steps, progress)


@torch.no_grad()
def macro_f1(routers: Routers, given: Seen, labels: Tensor) -> float:
    """Return the mean F1 of the classes that occur: always `once` scores a third or so."""
    pooled, share = given
    said = torch.stack([routers(i, pooled[i], share).argmax(-1) for i in range(len(pooled))], dim=1)
    scores = []
    for choice in torch.unique(labels).tolist():
        hit = ((said == choice) & (labels == choice)).sum()
        scores.append(2 * hit / ((said == choice).sum() + (labels == choice).sum()))
    return round(float(torch.stack(scores).mean()), 4)


@dataclass(frozen=True)
class Guided:
    """A frozen backbone and its routers."""

    model: Backbone
    routers: Routers


@dataclass(frozen=True)
class PathReader:
    """A frozen backbone that answers along paths: what a method gets to hold."""

    model: Backbone
    together: int

    def answer(self, exam: Exam, decide: Decide | Tensor, *, more: int = 0) -> Reply:
        """Answer the questions; `more` is the parameters of whatever decides."""
        reply = answer(self.model, exam.questions, decide, tile=self.together)
        return replace(reply, parameters=reply.parameters + more)


class PathTask(Protocol):
    """A frozen backbone, routers for it, and questions that nothing is scored on.

    `ledger_qa` is such a task; `pretrained`, where prompts of a text stand for questions, another.
    """

    def path_reader(self) -> PathReader:
        """Return the frozen backbone."""
        ...

    def guided(self, base: str, /) -> tuple[PathReader, Guided]:
        """Return a frozen backbone and the routers trained for it."""
        ...

    def calibration(self) -> Exam:
        """Return questions without keys."""
        ...

    def training_questions(self) -> Asked:
        """Return questions with keys: what a static path is fitted to."""
        ...

    def fitted_path(self, length: int, /) -> tuple[int, ...] | None:
        """Return a static path that was fitted beforehand; None: find the best on the spot."""
        ...

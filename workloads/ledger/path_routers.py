"""Routers that choose a path: one a layer, fitted to the paths that a search found.

    pooled   the prompt's states entering layer l, cut into W = 8 equal windows (fewer where the
             prompt is shorter; the remainder at the end is left out), the mean of each
    logits   mean over windows of  W2 gelu(W1 pooled)     d -> 32 -> 3: skip, once, twice

The base is frozen. Training runs each layer as the label says, so every router sees the
states of the labelled path. Loss: focal, gamma = 2, with weights (1 - beta) / (1 - beta^n_c),
beta = 0.999, from the counts n_c of the whole supervision, scaled to mean 1. AdamW 1e-3, weight
decay 0.01, a tenth of warm-up, cosine, 25 epochs in batches of 16.

Labels come from questions drawn for training alone (`path_search.py`): the shortest right path
found for each; a question without one is dropped. Two things are ours. A path counts as right if
it is on six *looks*, the question and five siblings (same operations, another opening value, other
fillers): of one look luck makes a label. And labels are taken from the four paths found most
often, where one of these is right (`agreed`), since the halves of two right paths are
seldom a right path. One seed, mean over k of right replies at p = -0.5, layers run: plain labels
0.401 at 4.8; four looks 0.493 at 4.8; six looks and a menu of seven 0.607 at 5.7, of four
0.606 at 5.3. With p = -0.2 the last gives 0.727 at 6.2, against the frozen model's 0.684 at 6.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.ledger.engine import one_thread
from adabench.workloads.ledger.model import Backbone
from adabench.workloads.ledger.path_search import Found, Look, holds, search
from adabench.workloads.ledger.paths import Decide, answer, fixed, prefill
from adabench.workloads.ledger.queries import Asked, ask, completed, sibling
from adabench.workloads.ledger.recipes import Pathfinding
from adabench.workloads.ledger.training import Progress
from adabench.workloads.ledger.work import Work

WINDOWS, NARROW, CHOICES = 8, 32, 3
GAMMA, BETA = 2.0, 0.999
RATE, WEIGHT_DECAY, WARM_UP, BATCH = 1e-3, 0.01, 0.1, 16
LABEL_SEED, JUDGED_SEED, HELD_OUT_SEED = 555, 556, 998
JUDGED, HELD_OUT = 200, 1200
_STREAM = 53


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

    def forward(self, layer: int, pooled: Tensor, real: Tensor) -> Tensor:
        """Map windows [n, W, d], of which `real` [n, W] exist, to logits [n, 3]."""
        each = self.wide[layer](F.gelu(self.narrow[layer](pooled), approximate="tanh"))
        logits: Tensor = (each * real[..., None]).sum(1) / real.sum(1, keepdim=True)
        return logits


def windows(lengths: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """Return each window's weights over the positions [n, W, T], and which windows exist."""
    count = lengths.clamp(max=WINDOWS)
    size = lengths // count
    index = torch.arange(longest) // size[:, None]
    inside = index[:, None] == torch.arange(WINDOWS)[:, None]
    real = torch.arange(WINDOWS) < count[:, None]
    weights = (inside & real[..., None]) / size[:, None, None]
    return weights, real.float()


def decide(routers: Routers, p: float = -0.5) -> Decide:
    """Return the routers' decision for whole prompts; `p` moves it (`biased`)."""
    made: list[tuple[Tensor, Tensor]] = []

    def judge(layer: int, states: Tensor, lengths: Tensor, work: Work) -> Tensor:
        if layer == 0:
            made[:] = [windows(lengths, states.shape[1])]
        weights, real = made[0]
        n, longest, d = states.shape
        work.flops += 2 * n * WINDOWS * (longest * d + d * NARROW + NARROW * CHOICES)
        logits = routers(layer, weights @ states, real)
        return biased(logits.softmax(-1), p).argmax(-1)

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


@dataclass(frozen=True)
class Supervision:
    """Questions with a right path, and what finding them took."""

    tokens: Tensor
    lengths: Tensor
    passes: Tensor
    facts: dict[str, Any]


def supervise(plan: Pathfinding, base: Backbone, questions: int, key: int) -> Supervision:
    """Search paths for freshly drawn training questions."""
    generator = np.random.Generator(np.random.PCG64((_STREAM, key, plan.seed)))
    asked = ask(generator, questions)
    siblings = [sibling(generator, asked.keys) for _ in range(plan.looks - 1)]
    looks = [tensors(each) for each in (asked, *siblings)]
    tokens, lengths = looks[0]
    found = search(base, looks, simulations=plan.simulations, seed=plan.seed)
    if plan.menu:
        found = agreed(base, looks, found, plan.menu)
    kept = found.solved
    improved = kept & ~found.before
    counts = torch.bincount(found.passes[kept].flatten(), minlength=CHOICES).tolist()
    facts = {
        "questions": questions,
        "kept": int(kept.sum()),
        "improved_share": round(float(improved.sum() / kept.sum()), 4),
        "forwards_per_question": round(found.forwards / questions, 2),
        "counts": counts,
    }
    return Supervision(tokens[kept], lengths[kept], found.passes[kept], facts)


def agreed(base: Backbone, looks: list[Look], found: Found, menu: int) -> Found:
    """Give each question the shortest right path of a common menu, where one is right.

    The menu holds the paths found most often. Routers decide layer by layer, and the halves of
    two paths are seldom a path that works: questions that could share one should.
    """
    paths, often = torch.unique(found.passes[found.solved], dim=0, return_counts=True)
    paths = paths[often.argsort(descending=True, stable=True)[:menu]]
    n = len(found.solved)
    good = torch.stack([holds(base, looks, path.expand(n, -1)) for path in paths])
    # The most widely right first, then by length: sorting is stable.
    order = good.sum(1).argsort(descending=True, stable=True)
    order = order[paths[order].sum(1).argsort(stable=True)]
    good, paths = good[order], paths[order]
    some = good.any(0)
    passes = torch.where(some[:, None], paths[good.int().argmax(0)], found.passes)
    forwards = found.forwards + len(paths) * n
    return replace(found, passes=passes, solved=found.solved | some, forwards=forwards)


def tensors(asked: Asked) -> tuple[Tensor, Tensor]:
    """Return questions with answers, and the lengths of their prompts."""
    return torch.from_numpy(completed(asked)), torch.from_numpy(asked.questions.lengths)


def train(
    plan: Pathfinding, base: Backbone, progress: Progress = lambda done, steps: None
) -> tuple[Routers, dict[str, Any]]:
    """Label, fit and judge the routers of a plan; return them and the facts of the card."""
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(_STREAM * 1000 + plan.seed)
        taught = supervise(plan, base, plan.questions, LABEL_SEED)
        judged = supervise(plan, base, JUDGED, JUDGED_SEED)
        routers = Routers(base.shape.width, base.shape.layers)
        _fit(plan, routers, seen(base, taught), taught, progress)
        routers.eval().requires_grad_(False)
        facts = taught.facts | {"macro_f1": macro_f1(routers, seen(base, judged), judged.passes)}
    return routers, facts


Seen = tuple[Tensor, Tensor]
"""Pooled states entering each layer on the labelled path [L, n, W, d], and which windows exist."""


@torch.no_grad()
def seen(base: Backbone, taught: Supervision) -> Seen:
    """Run the labelled paths on prompts and pool what enters each layer."""
    prompts = taught.tokens[:, : int(taught.lengths.max())]
    weights, real = windows(taught.lengths, prompts.shape[1])
    pooled: list[Tensor] = []
    follow = fixed(taught.passes)

    def watch(layer: int, states: Tensor, lengths: Tensor, work: Work) -> Tensor:
        pooled.append(weights @ states)
        return follow(layer, states, lengths, work)

    prefill(base, prompts, taught.lengths, watch, Work())
    return torch.stack(pooled), real


def class_weights(counts: list[int]) -> Tensor:
    """Return effective-number weights of mean 1; a class that never occurs weighs like one."""
    share = [(1 - BETA) / (1 - BETA ** max(1, n)) for n in counts]
    return torch.tensor(share) / (sum(share) / len(share))


def focal(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean focal loss of logits [..., 3]."""
    log_chance = logits.log_softmax(-1).gather(-1, labels[..., None])[..., 0]
    return -(weights[labels] * (1 - log_chance.exp()) ** GAMMA * log_chance).mean()


def _fit(
    plan: Pathfinding, routers: Routers, given: Seen, taught: Supervision, progress: Progress
) -> None:
    pooled, real = given
    weights = class_weights(taught.facts["counts"])
    optimiser = torch.optim.AdamW(routers.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    steps = plan.epochs * (len(real) // BATCH)
    for step in range(steps):
        warm = min(1.0, (step + 1) / (WARM_UP * steps))
        for group in optimiser.param_groups:
            group["lr"] = RATE * warm * (1 + math.cos(math.pi * step / steps)) / 2
        rows = torch.randint(len(real), (BATCH,))
        logits = torch.stack([routers(i, pooled[i, rows], real[rows]) for i in range(len(pooled))])
        optimiser.zero_grad()
        torch.autograd.backward(focal(logits, taught.passes[rows].T, weights))
        optimiser.step()
        progress(step + 1, steps)


@torch.no_grad()
def macro_f1(routers: Routers, given: Seen, labels: Tensor) -> float:
    """Return the mean F1 of the classes that occur: always `once` scores a third or so."""
    pooled, real = given
    said = torch.stack([routers(i, pooled[i], real).argmax(-1) for i in range(len(pooled))], dim=1)
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


def held_out(guided: Guided) -> dict[str, float]:
    """Return right replies by k and mean path length, routed, on held-out questions."""
    generator = np.random.Generator(np.random.PCG64((_STREAM, HELD_OUT_SEED)))
    asked = ask(generator, HELD_OUT)
    reply = answer(guided.model, asked.questions, decide(guided.routers), tile=HELD_OUT)
    hit = (reply.said.numpy() == asked.keys.answers).all(axis=1)
    ran = reply.passes().sum(1).double().numpy()
    found = {"executions": float(ran.mean())}
    for k in np.unique(asked.keys.k):
        found[f"accuracy_k{k}"] = float(hit[asked.keys.k == k].mean())
        found[f"executions_k{k}"] = float(ran[asked.keys.k == k].mean())
    return {name: round(value, 4) for name, value in found.items()}

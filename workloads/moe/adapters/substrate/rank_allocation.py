"""AdaLoRA: low-rank products in triplets, and a budget of triplets that goes where they matter.

    y = W x + b + P diag(e) Q x      p.SITE [out, r], e.SITE [r], q.SITE [r, in]
    loss + 0.5 mean of |P^T P - I| and |Q Q^T - I| over sites

    sensitivity of an entry      I = |w g|;  I' = EMA of I;  U = EMA of |I - I'|;  s = I' U
    of a triplet                 s(e_i) + mean of s(Q_i) + mean of s(P_i)
    budget of triplets           6 a site at first, cubic after a tenth of the steps, 4 a site for the last 30 %

Every tenth step all e whose triplet is below the budget's threshold become 0; they may come back until
the budget has ended. Names and constants are those of `peft`, whose schedule a test holds this to.
"""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from adabench.workloads.moe.adapters.substrate.adapter import Adapter, Weights
from adabench.workloads.moe.adapters.substrate.base_model import SITES, Base, Site
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass

FIRST, LAST = 6, 4
"""Triplets of a site, on average: at first, and in the end."""
WARM, FINAL, EVERY = 0.1, 0.3, 10
DECAY = 0.85
"""Of both averages."""
ORTHOGONAL = 0.5
Ranks = dict[str, int]
"""By the name of a site."""


def fresh_triplets(ranks: Ranks, generator: torch.Generator) -> Adapter:
    """Return triplets that change nothing yet; rows of Q and columns of P have about unit length."""
    weights = {}
    for site in SITES:
        rank = ranks[site.name]
        weights[f"q.{site.name}"] = (
            torch.randn(rank, site.inner, generator=generator) / site.inner**0.5
        )
        weights[f"p.{site.name}"] = (
            torch.randn(site.outer, rank, generator=generator) / site.outer**0.5
        )
        weights[f"e.{site.name}"] = torch.zeros(rank)
    return _adapter({name: value for name, value in weights.items() if value.numel()})


def fresh_adalora(generator: torch.Generator) -> Adapter:
    """Return triplets whose budget falls as they are trained."""
    even = fresh_triplets({site.name: FIRST for site in SITES}, generator)
    return replace(even, after_step=Allocation(LAST * len(SITES)).follow)


def triplets(weights: dict[str, Tensor]) -> Adapter:
    """Return the triplets of given weights, without those whose e is 0."""
    own = {}
    for site in SITES:
        e = weights.get(f"e.{site.name}")
        if e is None or not e.any():
            continue
        there = e != 0
        own[f"e.{site.name}"] = e[there]
        own[f"q.{site.name}"] = weights[f"q.{site.name}"][there]
        own[f"p.{site.name}"] = weights[f"p.{site.name}"][:, there]
    return _adapter(own)


def _adapter(weights: dict[str, Tensor]) -> Adapter:
    return Adapter(weights, linear=_product, merge=_merged, penalty=_orthogonality)


def ranks_of(weights: Weights) -> Ranks:
    """Return how many triplets of each site are not 0."""
    nothing = torch.zeros(0)
    return {
        site.name: int(weights.get(f"e.{site.name}", nothing).count_nonzero()) for site in SITES
    }


def ranks_by_lot(ranks: Ranks, generator: torch.Generator) -> Ranks:
    """Deal the same ranks to sites by lot."""
    order = torch.randperm(len(ranks), generator=generator).tolist()
    values = list(ranks.values())
    return {name: values[place] for name, place in zip(ranks, order, strict=True)}


def budget(step: int, steps: int, first: int, last: int) -> tuple[int, bool]:
    """Return how many triplets there may be after a step, and whether it is time to cut down to them."""
    warm, final = int(WARM * steps), int(FINAL * steps)
    if step <= warm:
        return first, False
    if step > steps - final:
        return last, True
    share = 1 - (step - warm) / (steps - final - warm)
    return int((first - last) * share**3 + last), step % EVERY == 0


@dataclass
class Allocation:
    """Which triplets are there, as a training goes on."""

    last: int
    """Triplets in the end."""
    average: dict[str, Tensor] = field(default_factory=dict)
    spread: dict[str, Tensor] = field(default_factory=dict)
    there: dict[str, Tensor] = field(default_factory=dict)
    """By the name of e: which are not cut; once the budget has ended it stays."""

    @torch.no_grad()
    def follow(self, weights: dict[str, Tensor], step: int, steps: int) -> None:
        """Look at the gradients of a step, and cut what is due."""
        ends = steps - int(FINAL * steps)
        if step < ends:
            self._note(weights)
        if step <= ends:
            first = sum(len(value) for name, value in weights.items() if name.startswith("e."))
            allowed, due = budget(step, steps, first, self.last)
            if due or step == ends:
                self._choose(weights, first - allowed)
        if self.there and (step > ends or due or step == ends):
            for name, there in self.there.items():
                weights[name].masked_fill_(~there, 0.0)

    def _note(self, weights: dict[str, Tensor]) -> None:
        for name, value in weights.items():
            assert value.grad is not None
            sensitivity = (value * value.grad).abs()
            zero = torch.zeros_like(sensitivity)
            average = DECAY * self.average.get(name, zero) + (1 - DECAY) * sensitivity
            away = (sensitivity - average).abs()
            self.average[name] = average
            self.spread[name] = DECAY * self.spread.get(name, zero) + (1 - DECAY) * away

    def _choose(self, weights: dict[str, Tensor], cut: int) -> None:
        """Take the triplets that are above the threshold of so many."""
        scores = {name: self._score(name[2:]) for name in weights if name.startswith("e.")}
        if cut > 0:
            threshold = torch.cat(list(scores.values())).kthvalue(cut).values
            self.there = {name: score > threshold for name, score in scores.items()}

    def _score(self, site: str) -> Tensor:
        e, q, p = (
            self.average[name] * self.spread[name]
            for name in (f"e.{site}", f"q.{site}", f"p.{site}")
        )
        return e + q.mean(1) + p.mean(0)


def _product(weights: Weights, site: Site, x: Tensor, step: Pass) -> Tensor:
    found, e = step.frozen(site, x), weights.get(f"e.{site.name}")
    if e is None:
        return found
    inner = step.product(x, weights[f"q.{site.name}"]) * e
    return found + step.product(inner, weights[f"p.{site.name}"])


def _merged(weights: Weights, base: Base) -> Base:
    own = dict(base.weights)
    for site in SITES:
        e = weights.get(f"e.{site.name}")
        if e is not None:
            right = e[:, None] * weights[f"q.{site.name}"]
            own[site.name] = own[site.name] + weights[f"p.{site.name}"] @ right
    return Base(own)


def _orthogonality(weights: Weights, step: Pass) -> Tensor:
    found = []
    for name, value in weights.items():
        if not name.startswith("e."):
            square = value @ value.T if name.startswith("q.") else value.T @ value
            found.append(torch.linalg.matrix_norm(square - torch.eye(len(square))))
    return ORTHOGONAL * torch.stack(found).mean()

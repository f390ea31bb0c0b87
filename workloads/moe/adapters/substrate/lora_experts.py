"""Mixtures of LoRA experts: at each site a router, and for each token the experts that it runs.

    a.SITE [E, r, in]     b.SITE [E, out, r]     gate.SITE [E, in], no bias

    p = softmax(gate x)          y = W x + b + sum over the experts that run of w_e B_e A_e x

A rule makes weights w [rows, E] of p; an expert runs for a token where w is not 0, and nowhere else. Pairs of a
token and an expert are gathered by expert and multiplied in sorted segments (`expert_sum.py`), and are counted there.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from adabench.workloads.moe.adapters.substrate.adapter import Adapter, Penalty, Weights
from adabench.workloads.moe.adapters.substrate.base_model import LAYERS, SITES, Site
from adabench.workloads.moe.adapters.substrate.forward_pass import Gate, Pass
from adabench.workloads.moe.adapters.substrate.low_rank import kaiming
from adabench.workloads.moe.substrate.expert_sum import expert_sum, pairs_of

EXPERTS, RANK, KEEP = 8, 4, 2
THRESHOLD, TOP_P, Q, EPS = 0.9, 0.75, 1.1, 1e-5
ENTROPY, BALANCE = 1e-2, 1e-3
"""Shares of the two auxiliary losses."""
LAYERED = (4, 12)
"""Experts of each layer where higher layers have more; as many in all."""
Selection = Callable[[Tensor, Pass], Tensor]
"""(chances [rows, E], step) -> weights [rows, E]"""


def fresh_experts(
    generator: torch.Generator,
    experts: tuple[int, ...] = (EXPERTS,) * LAYERS,
    gated: bool = True,
    sites: Sequence[Site] = SITES,
) -> dict[str, Tensor]:
    """Return untrained experts: so many in each layer; without routers for a rule that reads none."""
    weights = {}
    for site in sites:
        count = experts[site.layer]
        weights[f"a.{site.name}"] = kaiming((count, RANK, site.inner), site.inner, generator)
        weights[f"b.{site.name}"] = torch.zeros(count, site.outer, RANK)
        if gated:
            weights[f"gate.{site.name}"] = kaiming((count, site.inner), site.inner, generator)
    return weights


def experts(
    weights: dict[str, Tensor], select: Selection, penalty: Penalty | None = None
) -> Adapter:
    """Return the mixture of given weights under a rule."""
    return Adapter(weights, linear=partial(_routed, select), penalty=penalty)


def _routed(select: Selection, weights: Weights, site: Site, x: Tensor, step: Pass) -> Tensor:
    there, a, b = step.there, weights[f"a.{site.name}"], weights[f"b.{site.name}"]
    rows = x.reshape(-1, site.inner) if there is None else x[there]
    gate = weights.get(f"gate.{site.name}")
    if gate is None:
        chances = rows.new_full((len(rows), len(a)), 1 / len(a))
    else:
        chances = step.product(rows, gate).softmax(-1)
    mixed = select(chances, step)
    step.gates.append(Gate(site, chances, mixed))
    added = step.base.scale * _dispatched(rows, mixed, a, b, step)
    if there is not None:  # padding meets no router and no expert
        added = added.new_zeros(*there.shape, site.outer).index_put((there,), added)
    return step.frozen(site, x) + added.view(*x.shape[:-1], site.outer)


def _dispatched(rows: Tensor, mixed: Tensor, a: Tensor, b: Tensor, step: Pass) -> Tensor:
    """Return the weighted sum over the experts of each row; pairs of weight 0 are not computed."""
    pairs, work = pairs_of(mixed), step.work
    work.rows, work.pairs = work.rows + len(rows), work.pairs + pairs.count
    work.offered += mixed.numel()
    if not step.training:
        work.active.append((mixed != 0).sum(1))
    step.count(pairs.count * a[0].numel(), rows, a)
    step.count(pairs.count * b[0].numel(), a, b)  # what a gives has a gradient where a has
    return expert_sum(rows, mixed, a, b, pairs)


def top(k: int) -> Selection:
    """Return the rule of the k most likely experts, their chances divided by their sum."""

    def select(chances: Tensor, step: Pass) -> Tensor:
        best = chances.detach().topk(min(k, chances.shape[1]), dim=-1).indices
        mixed = chances * torch.zeros_like(chances).scatter_(-1, best, 1.0)
        return mixed / mixed.sum(-1, keepdim=True)

    return select


def every(chances: Tensor, step: Pass) -> Tensor:
    """Run all experts, by their chances."""
    return chances


def coin(k: int) -> Selection:
    """Return the rule of k experts by lot, each with the same weight."""

    def select(chances: Tensor, step: Pass) -> Tensor:
        lots = torch.rand(chances.shape, generator=step.generator)
        chosen = lots.topk(k, dim=-1).indices
        return torch.zeros_like(chances).scatter(-1, chosen, 1 / k)

    return select


def tsallis(chances: Tensor, q: float = Q) -> Tensor:
    """Return the entropy S_q of each row: (1 - sum p^q) / (q - 1), and Shannon's at q = 1."""
    positive = chances + EPS
    if math.isclose(q, 1.0):
        return -(chances * positive.log()).sum(-1)
    return (1 - (positive**q).sum(-1)) / (q - 1)


def hybrid(threshold: float = THRESHOLD, top_p: float = TOP_P, q: float = Q) -> Selection:
    """Return DynMoLE's rule: all experts where the router is uncertain, else top-p, two at least.

    Chances are not divided by their sum.
    """

    def select(chances: Tensor, step: Pass) -> Tensor:
        plain = chances.detach()
        ordered, places = plain.sort(dim=-1, descending=True)
        active = ordered.cumsum(-1) <= top_p
        active[:, :KEEP] = True
        active |= (tsallis(plain, q) > threshold)[:, None]
        return chances * torch.zeros_like(active).scatter_(-1, places, active)

    return select


def dealt(select: Selection) -> Selection:
    """Return a rule that runs as many experts as another, dealt to other tokens by lot."""

    def deal(chances: Tensor, step: Pass) -> Tensor:
        counts = (select(chances, step) != 0).sum(-1)
        counts = counts[torch.randperm(len(counts), generator=step.generator)]
        ranks = chances.argsort(dim=-1, descending=True).argsort(dim=-1)
        return chances * (ranks < counts[:, None])

    return deal


def auxiliary(
    entropy: float = ENTROPY, balance: float = BALANCE, by: str = "counts", q: float = Q
) -> Penalty:
    """Return DynMoLE's losses: entropy to make routers certain, balance to spread what they do.

    `by` says what a site's load is: the share of tokens whose two best experts hold it (`counts`), or the
    mean of the weights that it runs with (`weights`).
    """

    def penalty(weights: Weights, step: Pass) -> Tensor:
        chances = torch.stack([gate.chances for gate in step.gates])  # [sites, rows, E]
        if by == "counts":
            load = _load(chances.detach())
        else:
            load = torch.stack([gate.weights for gate in step.gates]).mean(1)
        spread = chances.shape[-1] * (load * chances.mean(1)).sum(-1).mean()
        return entropy * tsallis(chances, q).mean() + balance * spread

    return penalty


def _load(chances: Tensor) -> Tensor:
    """Return the share of the two best places that each expert holds, [sites, E]."""
    best = chances.topk(KEEP, dim=-1).indices
    return torch.zeros_like(chances).scatter_(-1, best, 1.0).mean(1) / KEEP

"""Policies over recursions: top-k while training, a causal threshold when it counts.

Expert choice: the router of recursion r scores its candidates, `g_t = alpha * sigmoid(theta_r . h_t)`. *Training*
takes the top `c_r * T` of each sequence, in causal order, and adds a binary cross-entropy that pushes the picked
above 0.5 and the others below. *Evaluation and decode* take `sigmoid > threshold`: top-k would look ahead.

Token choice: one classifier at the first block input; depth = argmax; the output of the last recursion is added
with the winner's probability. A balance term keeps all depths in use. Random: the same share of the candidates
goes on; a model can be trained so too, with `coin_k` in place of top-k.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.gathered_forward import (
    Admission,
    Admit,
    Answer,
    Policy,
)
from adabench.workloads.depth_width.substrate.work_counter import Work

BALANCE, Z_LOSS = 0.1, 1e-5
"""Coefficients of token choice, as published."""
CAPACITIES: dict[str, tuple[float, ...]] = {
    "thirds": (1.0, 2 / 3, 1 / 3),
    "halves": (1.0, 1 / 2, 1 / 4),
}
"""Share of the positions that each recursion may keep: the paper's rule, and a leaner one."""
EXPERT_LOSS = 0.001
"""Coefficient of expert choice's auxiliary loss, as published."""


@dataclass
class Penalty:
    """What a router's own losses add up to in one training step."""

    terms: list[Tensor] = field(default_factory=list)

    def total(self) -> Tensor:
        """Return their sum."""
        return torch.stack(self.terms).sum()


def top_k(model: Backbone, capacities: Sequence[float], penalty: Penalty, batch: int) -> Policy:
    """Expert choice for training: per sequence and recursion the top share `capacities[r]`."""
    shape = model.shape

    def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
        score = work.linear(model.routers[depth], rows).view(batch, -1)
        k = min(max(1, int(capacities[depth] * shape.tokens)), score.shape[1])
        chosen = score.topk(k, dim=1).indices.sort(dim=1).values
        target = torch.zeros_like(score).scatter(1, chosen, 1.0)
        penalty.terms.append(EXPERT_LOSS * F.binary_cross_entropy_with_logits(score, target))
        return _admitted(chosen, score, shape.gate)

    return lambda: admit


def coin_k(model: Backbone, capacities: Sequence[float], batch: int) -> Policy:
    """Coins for training: per sequence and recursion a share `capacities[r]`, whoever they are."""
    shape = model.shape

    def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
        score = work.linear(model.routers[depth], rows).view(batch, -1)
        k = min(max(1, int(capacities[depth] * shape.tokens)), score.shape[1])
        chosen = torch.rand_like(score).topk(k, dim=1).indices.sort(dim=1).values
        return _admitted(chosen, score, shape.gate)

    return lambda: admit


def _admitted(chosen: Tensor, score: Tensor, gate: float) -> Admission:
    """Admit the positions chosen [n, k] of each sequence, gated by their scores [n, T]."""
    offset = torch.arange(len(score), device=score.device)[:, None] * score.shape[1]
    gates = gate * torch.sigmoid(score.gather(1, chosen))
    return Admission((chosen + offset).flatten(), gates.flatten())


def router_score(model: Backbone, depth: int, rows: Tensor, work: Work) -> Tensor:
    """Return how much each position [n] should go on with a recursion, in (0, 1)."""
    return torch.sigmoid(work.linear(model.routers[depth], rows)[:, 0])


def depth_logits(model: Backbone, rows: Tensor, work: Work) -> Tensor:
    """Return the logits [n, recursions] of how often each position recurs."""
    return work.linear(model.routers[0], rows)


def threshold(model: Backbone, thresholds: Sequence[float]) -> Policy:
    """Expert choice for inference: go on where the score exceeds the recursion's threshold.

    A threshold below 0 keeps everybody (capacity 1 decides nothing).
    """

    def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
        score = router_score(model, depth, rows, work)
        if thresholds[depth] < 0:
            return Admission(None, model.shape.gate * score)
        keep = (score > thresholds[depth]).nonzero()[:, 0]
        return Admission(keep, model.shape.gate * score.index_select(0, keep))

    return lambda: admit


def token_choice(model: Backbone, penalty: Penalty | None = None, *, shift: float = 0.5) -> Policy:
    """Token choice, for training (with its losses in `penalty`) and inference alike.

    `shift` is the reluctance to go deeper, as a probability: 0.5 is the plain argmax; above,
    its log-odds are taken off the logit of every further recursion.
    """
    n_r = model.shape.recursions
    bias = math.log(shift / (1 - shift))

    def start() -> Admit:
        chosen: Tensor = torch.empty(0)
        weight: Tensor = torch.empty(0)

        def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
            nonlocal chosen, weight
            if depth == 0:
                logits = depth_logits(model, rows, work)
                probability = logits.softmax(-1)
                shifted = logits - bias * torch.arange(n_r, device=rows.device)
                chosen = shifted.argmax(-1)
                weight = probability.gather(1, chosen[:, None])[:, 0]
                if penalty is not None:
                    penalty.terms += _balance(logits, probability, chosen)
                return Admission(None, weight * (chosen == 0), carry=True)
            keep = (chosen >= depth).nonzero()[:, 0]
            chosen, weight = chosen.index_select(0, keep), weight.index_select(0, keep)
            return Admission(keep, weight * (chosen == depth), carry=True)

        return admit

    return start


def _balance(logits: Tensor, probability: Tensor, chosen: Tensor) -> list[Tensor]:
    n_r = logits.shape[-1]
    share = F.one_hot(chosen, n_r).float().mean(0)
    balance = BALANCE * n_r * (probability.mean(0) * share).sum()
    return [balance, Z_LOSS * logits.logsumexp(-1).square().mean()]


def random_choice(model: Backbone, rates: Sequence[float], generator: torch.Generator) -> Policy:
    """Expert choice by coin: of the candidates, `rates[r] / rates[r - 1]` go on.

    The trained router still gives the gate, so that only the choice differs.
    """

    def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
        gate = model.shape.gate * torch.sigmoid(work.linear(model.routers[depth], rows)[:, 0])
        before = rates[depth - 1] if depth else 1.0
        if rates[depth] >= before:
            return Admission(None, gate)
        coin = torch.rand(len(rows), generator=generator) * before < rates[depth]
        keep = coin.nonzero()[:, 0].to(rows.device)
        return Admission(keep, gate.index_select(0, keep))

    return lambda: admit


def at_most(stages: int) -> Policy:
    """Everybody takes the first `stages` routed stages and nobody a later one."""

    def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
        if depth < stages:
            return Admission()
        return Admission(torch.empty(0, dtype=torch.long, device=rows.device))

    return lambda: admit


def rates(model: Backbone, answer: Answer) -> tuple[float, ...]:
    """Return the share of all positions that took each recursion."""
    block = len(model.shape.block)
    positions = answer.logits.shape[0] * answer.logits.shape[1]
    counts = [0] * model.shape.recursions
    for _, work in answer.works:
        for slot, flat in work.runs:
            if 1 <= slot <= block * model.shape.recursions and (slot - 1) % block == 0:
                counts[(slot - 1) // block] += len(flat)
    return tuple(count / positions for count in counts)


def thresholds(capacities: Sequence[float], level: float) -> list[float]:
    """Return one threshold per recursion: none where the capacity is 1."""
    return [-1.0 if capacity >= 1 else level for capacity in capacities]

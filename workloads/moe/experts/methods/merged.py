"""Merging experts: those whose routers agree become one, the mean of them weighted by how often they ran.

    clusters: the two most similar rows of the router join, by mean cosine, until G are left
    W_c = sum over e in c of load_e P_e W_e / (their sum)        P_e: the permutation of units that fits e to the most used one

Units are matched by the assignment that maximises the product of their rows, since a unit has no place of its own. A byte still chooses two
experts by the old router; two of one cluster are multiplied once, with both weights.

**What to expect.** Written before measuring: at equal memory as good as pruning or worse: experts of this model share no beginning, so
their means are of strangers.

**Ways to fake it.** A mean that is fine-tuned when the pruned rival is not.
"""

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.experts.substrate.expert_statistics import statistics
from adabench.workloads.moe.experts.substrate.passage_bench import (
    PassageBench,
    Passages,
    Reading,
)
from adabench.workloads.moe.substrate.byte_model import ByteModel
from adabench.workloads.moe.substrate.expert_layer import ExpertLayer, bare, token_choice

CARD = Card(
    title="Experts merged by what their routers ask for",
    paper="survey, arXiv 2412.14219: expert merging; M-SMoE, arXiv 2310.01334",
    slug="moe-survey",
    adapts="nothing in a run: which experts are one, by their routers and loads",
    role="static",
    knobs=(Knob("removed", (0.125, 0.25, 0.5), 0.25, at="prepare"),),
)


@dataclass(frozen=True)
class Merged:
    """The model that is left, and by layer the cluster of each expert, [E, G] of 0 and 1."""

    bench: PassageBench
    model: ByteModel
    member: tuple[Tensor, ...]


def prepare(bench: PassageBench, point: Point, seed: int) -> Merged:
    """Merge experts, layer by layer."""
    del seed
    model = bench.model()
    left = model.shape.experts - round(float(point["removed"]) * model.shape.experts)
    loads = [one.load for one in statistics(bench)]
    member = tuple(clusters(layer.router.weight, left) for layer in model.layers)
    layers = [_merged(*parts) for parts in zip(model.layers, loads, member, strict=True)]
    return Merged(bench, model.with_layers(layers), member)


def solve(state: Merged, case: Passages, point: Point) -> Reading:
    """Read the passages; the old router chooses, clusters multiply."""
    del point

    def route(layer: int, scores: Tensor) -> Tensor:
        return token_choice(scores, 2) @ state.member[layer]

    return state.bench.read(case, state.model, route=route)


def clusters(router: Tensor, left: int) -> Tensor:
    """Return which of `left` clusters each expert is in, [E, left] of 0 and 1; similar rows of the router join."""
    rows = F.normalize(router.detach(), dim=1)
    similar = rows @ rows.T
    groups = [[expert] for expert in range(len(rows))]
    while len(groups) > left:
        pairs = [(a, b) for a in range(len(groups)) for b in range(a + 1, len(groups))]
        a, b = max(pairs, key=lambda ab: float(similar[groups[ab[0]]][:, groups[ab[1]]].mean()))
        groups[a] += groups.pop(b)
    member = torch.zeros(len(rows), left)
    for place, group in enumerate(groups):
        member[group, place] = 1.0
    return member


def _merged(layer: ExpertLayer, load: Tensor, member: Tensor) -> ExpertLayer:
    inner, outer = [], []
    for column in member.T:
        group = column.nonzero()[:, 0]
        anchor = group[load[group].argmax()]
        parts = [_fitted(layer, int(anchor), int(expert)) for expert in group]
        share = (load[group] + 1e-6) / (load[group] + 1e-6).sum()
        inner.append(torch.einsum("e,ehd->hd", share, torch.stack([one[0] for one in parts])))
        outer.append(torch.einsum("e,edh->dh", share, torch.stack([one[1] for one in parts])))
    found = bare(torch.stack(inner), torch.stack(outer))
    found.router = layer.router
    return found


def _fitted(layer: ExpertLayer, anchor: int, expert: int) -> tuple[Tensor, Tensor]:
    """Return an expert's matrices with its units in the order that fits the anchor's best."""
    inner, outer = layer.inner.detach(), layer.outer.detach()
    alike = inner[anchor] @ inner[expert].T + outer[anchor].T @ outer[expert]
    _, order = linear_sum_assignment(alike.numpy(), maximize=True)
    return inner[expert][order], outer[expert][:, order]

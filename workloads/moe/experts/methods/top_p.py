"""Top-p routing: a byte runs the fewest experts whose chances add up to p, and no more than four.

    keep the smallest prefix e_1 .. e_m of experts by chance with p_e1 + ... + p_em >= p,  m <= 4;  weights p_e / (their sum)

Where the router is certain one expert runs, where it is not, several do. `p` is the dial.

**What to expect.** Written before measuring: a model that was trained with two experts is used to two, so p must be low to save work, and
skipping by ratio, which never runs more than two, saves as much for less.

**Ways to fake it.** A p at which every byte runs two.
"""

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.experts.substrate.passage_bench import (
    PassageBench,
    Passages,
    Reading,
)

MOST = 4

CARD = Card(
    title="Experts until their chances add up to p",
    paper="survey, arXiv 2412.14219: adaptive gating; Huang et al., arXiv 2403.07652",
    slug="moe-survey",
    adapts="how many experts a byte runs, by how certain the router is",
    no_signal="the chances are of the bytes that are read; `random_skip` skips as many without them",
    knobs=(Knob("p", (0.3, 0.4, 0.5, 0.6, 0.7), 0.5, also=(0.35, 0.45)),),
)


def solve(bench: PassageBench, case: Passages, point: Point) -> Reading:
    """Read the passages with as many experts a byte as its chances ask for."""
    p = float(point["p"])

    def route(layer: int, scores: Tensor) -> Tensor:
        del layer
        values, places = scores.softmax(-1).topk(MOST, dim=-1)
        before = values.cumsum(-1) - values
        kept = torch.where(before < p, values, 0.0)
        shares = kept / kept.sum(-1, keepdim=True)
        return torch.zeros_like(scores).scatter(-1, places, shares)

    return bench.read(case, bench.model(), route=route)

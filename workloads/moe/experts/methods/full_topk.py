"""Full top-k: every byte runs its k most probable experts, at every layer.

    y = sum over the k largest of p_e / (their sum) FFN_e(x)        p = softmax(W_r x)

The model was trained with k = 2, which is the anchor of all arms; other k run the same experts, without a rule. With
k = 1 the weight of an expert is 1 here: it stands for both. `kernel=loop` multiplies expert by expert, each time looking for its
rows, as plain code does; otherwise rows are sorted once and multiplied in segments.

**What to expect.** Written before measuring: k = 1 halves the work and costs some percent of nats; k = 3 and 4 gain nothing,
since no router was trained for them. The loop is slower by a third or more where an expert has few rows.

**Ways to fake it.** A weak anchor: arms that save are held against k = 1 and k = 2 in the same share of bytes.
"""

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.experts.substrate.passage_bench import (
    PassageBench,
    Passages,
    Reading,
)

CARD = Card(
    title="The k most probable experts",
    paper="Switch, arXiv 2101.03961, and Mixtral, arXiv 2401.04088; the anchor of the survey, arXiv 2412.14219",
    slug="moe-survey",
    adapts="nothing but which experts: every byte runs equally many",
    role="static",
    knobs=(Knob("k", (1, 2, 3, 4), 2), Knob("kernel", ("segments",), "segments", also=("loop",))),
    variants=(
        Variant(
            "loop_kernel",
            "Experts multiplied one by one",
            {"k": 2, "kernel": "loop"},
            role="static",
            adapts="nothing: the same products, found one by one",
            paper="survey, arXiv 2412.14219: kernels",
            essay="""The same model, each expert looking for its rows by itself: what a plain loop costs in seconds.

            **What to expect.** Written before measuring: the same nats, a third more seconds at four rows an expert.

            **Ways to fake it.** A loop that is slower than people write it: rows are found by `nonzero`, gathered and
            multiplied by one product.
            """,
        ),
    ),
)


def solve(bench: PassageBench, case: Passages, point: Point) -> Reading:
    """Read the passages with k experts a byte."""
    k = int(point["k"])

    def route(layer: int, scores: Tensor) -> Tensor:
        del layer
        values, places = scores.softmax(-1).topk(k, dim=-1)
        shares = values / values.sum(-1, keepdim=True)
        return torch.zeros_like(scores).scatter(-1, places, shares)

    multiply = one_by_one if point["kernel"] == "loop" else None
    return bench.read(case, bench.model(), route=route, multiply=multiply)


def one_by_one(rows: Tensor, weights: Tensor, sizes: list[int]) -> Tensor:
    """Multiply each expert's rows, looking for them among all."""
    owner = torch.repeat_interleave(torch.tensor(sizes))
    out = rows.new_zeros(len(rows), weights.shape[1])
    for expert, weight in enumerate(weights):
        own = (owner == expert).nonzero()[:, 0]
        if len(own):
            out.index_copy_(0, own, rows.index_select(0, own) @ weight.T)
    return out

"""Adaptive gating by ratio: a byte whose best expert is far ahead runs that one alone.

    p1 / (p1 + p2) > tau:   y = FFN_1(x)                    else  y = (p1 FFN_1(x) + p2 FFN_2(x)) / (p1 + p2)

The router's own chances say how much the second expert would weigh; where that is little it does not run. `tau` is the
dial; at 1 nothing is skipped. `bits` holds the experts in 8 bits beside it: two techniques of different levels at once.

**What to expect.** Written before measuring: a fifth of the expert work goes at 1 % of nats, and as many experts skipped by lot cost more.
Held in 8 bits, work is as without, bytes as without skipping, and losses add up.

**Ways to fake it.** Second experts that run and are weighed with 0; a threshold chosen on the test.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.experts.substrate.passage_bench import (
    PassageBench,
    Passages,
    Reading,
)
from adabench.workloads.moe.substrate.byte_model import ByteModel
from adabench.workloads.moe.substrate.narrow_layer import NarrowLayer
from adabench.workloads.shared.training.checkpoints import one_thread

COUNT = 32
"""Passages of each domain that the share of skipped experts is taken from."""

CARD = Card(
    title="Skipping the second expert where the first is far ahead",
    paper="survey, arXiv 2412.14219: expert skipping; Adaptive Gating, arXiv 2310.07188",
    slug="moe-survey",
    adapts="whether a byte runs one expert or two, by the router's chances",
    no_signal="the chances are of the bytes that are read; `random_skip` skips as many without them",
    knobs=(
        Knob("tau", (0.6, 0.7, 0.8, 0.9, 1.0), 0.8, also=(0.55, 0.65, 0.75, 0.85, 0.95)),
        Knob("by", ("ratio",), "ratio", at="prepare", also=("lot",)),
        Knob("bits", (32,), 32, at="prepare", also=(8,)),
    ),
    variants=(
        Variant(
            "random_skip",
            "Second experts skipped by lot",
            {"by": "lot"},
            adapts="whether a byte runs one expert or two, by lot",
            paper="our control of expert skipping in the survey, arXiv 2412.14219",
            control_of=("skip_ratio", "top_p", "skip_in_bytes"),
            essay="""As many second experts are skipped in each layer, by lot: what skipping costs where no signal says where.

            The share of each layer is that which the rule skips on calibration texts at the same `tau`.

            **What to expect.** Written before measuring: the same work, twice the loss.

            **Ways to fake it.** Another share than the rule's.
            """,
        ),
        Variant(
            "skip_in_bytes",
            "Skipping, with experts in 8 bits",
            {"bits": 8},
            role="adaptive",
            adapts="whether a byte runs one expert or two, with experts of 8 bits",
            paper="survey, arXiv 2412.14219: techniques of two levels composed",
            slug="moe-survey",
            essay="""Skipping by ratio and experts of 8 bits at once: the survey's sentence that levels compose.

            **What to expect.** Written before measuring: the work of one, the bytes of the other, and the losses of both.

            **Ways to fake it.** Products of ratios that nobody ran.
            """,
        ),
    ),
)


@dataclass(frozen=True)
class Skipping:
    """What `prepare` finds: a model, and the share of second experts that the rule skips by layer and tau."""

    bench: PassageBench
    model: ByteModel
    by_lot: bool


def prepare(bench: PassageBench, point: Point, seed: int) -> Skipping:
    """Hold the experts in as many bits as is asked."""
    del seed
    model = bench.model()
    if point["bits"] == 8:
        experts = model.shape.experts
        model = model.with_layers([NarrowLayer(one, (8,) * experts) for one in model.layers])
    return Skipping(bench, model, point["by"] == "lot")


def solve(state: Skipping, case: Passages, point: Point) -> Reading:
    """Read the passages; the second expert of a byte runs unless it is skipped."""
    tau = float(point["tau"])
    shares = _shares(state, tau) if state.by_lot else []
    lots = torch.Generator().manual_seed(7919 * state.bench.seed + case.index)

    def route(layer: int, scores: Tensor) -> Tensor:
        values, places = scores.softmax(-1).topk(2, dim=-1)
        first = values[:, 0] / values.sum(-1)
        if state.by_lot:
            alone = torch.rand(len(first), generator=lots) < shares[layer]
        else:
            alone = first > tau
        kept = torch.stack((torch.where(alone, 1.0, first), torch.where(alone, 0.0, 1 - first)), 1)
        return torch.zeros_like(scores).scatter(-1, places, kept)

    return state.bench.read(case, state.model, route=route)


@torch.no_grad()
def _shares(state: Skipping, tau: float) -> list[float]:
    """Return by layer the share of bytes that the rule lets run one expert, on calibration texts."""
    skipped, rows = [0] * state.model.shape.layers, 0
    with one_thread():
        for tokens in state.bench.calibration(COUNT):
            rows += tokens.numel()
            for layer, scores in enumerate(state.model(tokens).scores):
                values = scores.softmax(-1).topk(2, dim=-1).values
                skipped[layer] += int((values[:, 0] / values.sum(-1) > tau).sum())
    return [count / rows for count in skipped]

"""Router-hinted expert pruning: experts that weigh little on calibration texts are taken out.

    score_e = sum over calibration bytes that chose e of its gate's weight times the norm of its output

The lowest share `removed` of each layer's experts goes, with its rows of the router; bytes choose two of those that stay. No weight
is trained afterwards, in any arm.

**What to expect.** Written before measuring: a quarter of the experts costs less by their scores than by lot; both cost more than the
memory is worth in a model whose experts were balanced by a loss.

**Ways to fake it.** Scores on test texts; experts that are masked and still held.
"""

from dataclasses import dataclass

import torch

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.experts.substrate.expert_statistics import statistics
from adabench.workloads.moe.experts.substrate.passage_bench import (
    PassageBench,
    Passages,
    Reading,
)
from adabench.workloads.moe.substrate.byte_model import ByteModel
from adabench.workloads.moe.substrate.expert_layer import subset

CARD = Card(
    title="Experts that weigh little taken out",
    paper="survey, arXiv 2412.14219: expert pruning; MoE-Pruner, arXiv 2410.12013",
    slug="moe-survey",
    adapts="nothing in a run: which experts are there, by what they weighed before",
    role="static",
    knobs=(
        Knob("removed", (0.125, 0.25, 0.5), 0.25, at="prepare"),
        Knob("by", ("weight",), "weight", at="prepare", also=("lot",)),
    ),
    variants=(
        Variant(
            "random_prune",
            "Experts taken out by lot",
            {"by": "lot"},
            adapts="nothing in a run: which experts are there, by lot",
            paper="our control of expert pruning in the survey, arXiv 2412.14219",
            control_of=("pruned",),
            essay="""As many experts of each layer are taken out by lot.

            **What to expect.** Written before measuring: more nats than by weight, at the same memory.

            **Ways to fake it.** One lot that happened to be bad: each training has a lot of its own.
            """,
        ),
    ),
)


@dataclass(frozen=True)
class Pruned:
    """The model that is left."""

    bench: PassageBench
    model: ByteModel


def prepare(bench: PassageBench, point: Point, seed: int) -> Pruned:
    """Take experts out."""
    del seed
    model = bench.model()
    kept = model.shape.experts - round(float(point["removed"]) * model.shape.experts)
    lots = torch.Generator().manual_seed(bench.seed)
    if point["by"] == "lot":
        orders = [torch.randperm(model.shape.experts, generator=lots) for _ in model.layers]
    else:
        orders = [one.weight.argsort(descending=True) for one in statistics(bench)]
    layers = [
        subset(layer, order[:kept].sort().values)
        for layer, order in zip(model.layers, orders, strict=True)
    ]
    return Pruned(bench, model.with_layers(layers))


def solve(state: Pruned, case: Passages, point: Point) -> Reading:
    """Read the passages with the experts that are left."""
    del point
    return state.bench.read(case, state.model)

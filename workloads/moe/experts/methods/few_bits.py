"""Experts in few bits: rounded to the nearest step, and widened where they are multiplied.

    w ~ scale * round(w / scale)        one scale for 32 weights of a row: their largest magnitude over 127 or 7

`bits` is 8 or 4 for all experts; `mixed` holds the half that ran most on calibration texts in 8 bits and the others in 4. Attention, routers
and embeddings stay in single precision. Widening is part of what is timed.

**What to expect.** Written before measuring: 8 bits within half a percent of nats, 4 bits worse by some percent; the mix by load no better
than its memory's worth, since experts were balanced by a loss; no seconds are saved on a processor.

**Ways to fake it.** Weights that are rounded once and held in single precision; bytes of a format that nothing is held in.
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
from adabench.workloads.moe.substrate.narrow_layer import NarrowLayer

CARD = Card(
    title="Experts in 8 bits",
    paper="survey, arXiv 2412.14219: quantisation; MoQE, arXiv 2310.02410",
    slug="moe-survey",
    adapts="nothing in a run",
    role="static",
    knobs=(Knob("bits", (8,), 8, at="prepare", also=(4, "mixed", "mixed_by_lot")),),
    variants=(
        Variant(
            "int4",
            "Experts in 4 bits",
            {"bits": 4},
            role="static",
            essay="""All experts in 4 bits: half the bytes of 8, at some percent of nats.""",
        ),
        Variant(
            "mixed_bits",
            "Busy experts in 8 bits, others in 4",
            {"bits": "mixed"},
            role="static",
            adapts="nothing in a run: in how many bits an expert is held, by how often it ran before",
            slug="moe-survey",
            essay="""The half of each layer's experts that ran most on calibration texts has 8 bits, the others have 4.

            **What to expect.** Written before measuring: between 8 and 4 bits, nearer to 8 than a mix by lot by little.

            **Ways to fake it.** A rival of other size.
            """,
        ),
        Variant(
            "random_bits",
            "8 or 4 bits by lot",
            {"bits": "mixed_by_lot"},
            adapts="nothing in a run: in how many bits an expert is held, by lot",
            paper="our control of mixed bits in the survey, arXiv 2412.14219",
            control_of=("mixed_bits",),
            essay="""Half of each layer's experts, by lot, has 8 bits, the others have 4: as many bytes as the mix by load.""",
        ),
    ),
)


@dataclass(frozen=True)
class Narrow:
    """The model in few bits."""

    bench: PassageBench
    model: ByteModel


def prepare(bench: PassageBench, point: Point, seed: int) -> Narrow:
    """Round the experts."""
    del seed
    model, bits = bench.model(), point["bits"]
    every = _by_load(bench) if bits == "mixed" else _by_lot(bench) if bits == "mixed_by_lot" else []
    each = every or [(int(bits),) * model.shape.experts for _ in model.layers]
    layers = [NarrowLayer(layer, own) for layer, own in zip(model.layers, each, strict=True)]
    return Narrow(bench, model.with_layers(layers))


def solve(state: Narrow, case: Passages, point: Point) -> Reading:
    """Read the passages with experts in few bits."""
    del point
    return state.bench.read(case, state.model)


def _by_load(bench: PassageBench) -> list[tuple[int, ...]]:
    """Return the bits of each expert by layer: 8 for the half that ran most."""
    found = []
    for one in statistics(bench):
        busy = set(one.load.argsort(descending=True)[: len(one.load) // 2].tolist())
        found.append(tuple(8 if expert in busy else 4 for expert in range(len(one.load))))
    return found


def _by_lot(bench: PassageBench) -> list[tuple[int, ...]]:
    lots, shape = torch.Generator().manual_seed(bench.seed), bench.model().shape
    half = shape.experts // 2
    orders = [torch.randperm(shape.experts, generator=lots).tolist() for _ in range(shape.layers)]
    return [tuple(8 if order[e] < half else 4 for e in range(shape.experts)) for order in orders]

"""ExpertFlow: a small predictor says which experts a step will need, and a cache brings them before their layers ask.

    RPP     p[b, l, e] for the bytes that are read now; a batch's plan is the union of the `width` likeliest of each byte and layer
    ECE     slots go to the plan, layer by layer; a layer that ran hands its slots on; what no plan names makes room first
            once a layer's router has spoken, the experts that the plan missed go before all others (real-time correction)
    TS      where there are two batches, sequences are dealt anew each step so that batches run few experts

The model's output is that of all experts resident: only weights move, and sequences change their batch. Where batches are as they
came logits are equal to the bit; dealt anew, products of other rows may round otherwise.

**Simplified.** The predictor is a causal transformer of two layers over bytes and no T5; a layer's experts run in the order of their numbers for
everybody, so present ones do not run first; one loader has two queues in place of two streams. Equal slots a layer, as in the released
code, are not built.

**What to expect.** Written before measuring: more hits than LFU and than the token table at every batch of up to 16; more bytes than LFU, so that it
is slower wherever fetching takes longer than computing; scheduling saves one expert in ten at four sequences and nothing at one or 64.

**Ways to fake it.** A hit for what was only ordered, without seconds beside it; a predictor that reads on; LRU at batches where it cannot hit; a
predictor whose memory nobody counts.
"""

from dataclasses import dataclass, field

import numpy as np
import torch

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.offload.methods.expertflow.path_predictor import (
    PathPredictor,
    predictor,
)
from adabench.workloads.moe.offload.methods.expertflow.token_scheduling import dealt
from adabench.workloads.moe.offload.substrate.decoding import SHAPE
from adabench.workloads.moe.offload.substrate.offload_bench import Answer, Batches, OffloadBench
from adabench.workloads.moe.offload.substrate.planned_cache import Chances, planned, union
from adabench.workloads.moe.offload.substrate.slots import Groups, Moment
from adabench.workloads.moe.substrate.byte_corpus import Ints
from adabench.workloads.moe.substrate.byte_decoder import KeyValues

CARD = Card(
    title="ExpertFlow",
    paper="ExpertFlow, arXiv 2410.17954",
    slug="expertflow",
    adapts="which experts are resident and which sequences share a batch, by predicted routing paths",
    no_signal="a plan is made of the bytes that are read; `permuted_plan` makes it of another text",
    fidelity="reconstructed",
    knobs=(Knob("width", (2,), 2, also=(1, 3, 4)),),
    fixed={"plans": "own", "schedule": "paths"},
    variants=(
        Variant(
            "unscheduled",
            "ExpertFlow without token scheduling",
            {"schedule": "none"},
            role="adaptive",
            adapts="which experts are resident, by predicted routing paths",
            paper="ExpertFlow, arXiv 2410.17954: without its scheduler",
            slug="expertflow",
            essay="""Predictor and cache alone: batches are as they came.""",
        ),
        Variant(
            "permuted_plan",
            "Plans of another text",
            {"plans": "other"},
            adapts="which experts are resident, by paths predicted for another text",
            paper="our control of arXiv 2410.17954",
            essay="""The same predictor reads a calibration text in place of the case's: as many experts are brought and as many sequences dealt,
            of the same distribution, and nothing is known of the bytes.

            **What to expect.** Written before measuring: fewer hits than LFU, and more bytes; scheduling that saves nothing.

            **Ways to fake it.** Plans of no experts.
            """,
        ),
    ),
)


@dataclass(frozen=True)
class Flow:
    """What `prepare` reads."""

    bench: OffloadBench
    predictor: PathPredictor


def prepare(bench: OffloadBench, point: Point, seed: int) -> Flow:
    """Read the predictor of the model's training."""
    del point, seed
    return Flow(bench, predictor(bench.seed))


def solve(state: Flow, case: Batches, point: Point) -> Answer:
    """Decode with plans of a step's experts."""
    width, text = int(point["width"]), None
    if point["plans"] == "other":
        others = state.bench.calibration_paths()[0]
        text = others[
            np.random.default_rng(int(case.instance)).integers(len(others), size=case.sequences)
        ]
    paths = Paths(state.predictor, case.sequences, text)

    def forecast(moment: Moment) -> list[int] | None:
        if moment.layer >= 0:
            return None
        chances = paths.at(moment.step, moment.tokens)[list(moment.rows)]
        return union(chances.reshape(-1, SHAPE.layers, SHAPE.experts), width)

    def groups(step: int, tokens: Ints) -> Groups:
        chances = paths.at(step, tokens)[:, -1]
        likeliest = np.argsort(-chances, axis=2, kind="stable")[..., :width]
        named = np.zeros(chances.shape, bool)
        np.put_along_axis(named, likeliest, True, axis=2)
        return dealt(named.reshape(len(named), -1))

    in_pairs = point["schedule"] == "paths" and case.sequences == 2 * case.batch
    policy = planned(
        forecast, groups if in_pairs else None, (*state.predictor.tensors, paths.past.held)
    )
    return state.bench.decode(case, policy)


@dataclass
class Paths:
    """The chances that the predictor gives to the experts of a step's bytes."""

    predictor: PathPredictor
    sequences: int
    text: Ints | None
    """What it reads in place of the case's bytes."""
    past: KeyValues = field(init=False)
    _step: int = -1
    _chances: Chances = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        """Hold keys and values."""
        self.past = KeyValues(self.predictor.trunk.shape, self.sequences)

    @torch.no_grad()
    def at(self, step: int, tokens: Ints) -> Chances:
        """Return chances of experts [sequences, T, layers, E] of the bytes that this step reads."""
        if step != self._step:
            seen = tokens if self.text is None else self.text[:, : tokens.shape[1]]
            place = 0 if step == 0 else seen.shape[1] - 1
            read = torch.tensor(seen[:, place:])
            found = self.predictor(read, self.past, place).sigmoid().numpy()
            self._step, shape = step, (*read.shape, SHAPE.layers, SHAPE.experts)
            self._chances = found.reshape(shape)
        return self._chances

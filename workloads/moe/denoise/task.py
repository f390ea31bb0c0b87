"""Denoise: a masked diffusion language model whose experts choose their bytes, or are chosen.

A case is 32 passages of 64 bytes of generated records (`id=07,name=ann,qty=3,price=12,total=36`), each with a share of its
bytes hidden that was drawn for it: a step of denoising. The model sees both sides and says each hidden byte. All methods get
the same masks. What adapts is how many experts a byte gets, by the share that is hidden, and which.

**What is scored.** `accuracy`, the share of hidden bytes whose likeliest byte is right. `nats`, the bound of diffusion
models: the loss of a hidden byte, the mean of each passage first; `nats_little` and `nats_much` where up to a quarter and
where more than three quarters are hidden.

**What is counted.** `pairs` are experts a byte, counted where rows are multiplied, and `max_load` the largest expert's
share over the mean one's. What follows is of the training of an arm, out of its card: all arms of a seed were trained in one
process, step by step in turn. `training_cpu_s`, `training_pairs`; `seconds_to_loss` and `pairs_to_loss`, until an arm
was as good as token choice at its end (missing where it never was); `gain_little` and `gain_much`, what the loss fell by
between a quarter of the training and its end; for the arms that go on from token choice `recovery_steps`, until the loss of
token choice was reached again.

**Limits.** 0.12 million weights on one processor: no worker waits for another one there, and most of what the paper gains in
hours is that wait.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType

import torch

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import SelectionError
from adabench.workloads.moe.denoise import conformance
from adabench.workloads.moe.denoise.substrate.mask_bench import (
    Denoised,
    MaskBench,
    MaskedCase,
    Outcome,
)
from adabench.workloads.moe.denoise.substrate.masked_passages import Masked, draw
from adabench.workloads.moe.denoise.truth.learning_curves import training_figures

CARD = Card(
    title="Denoise: experts of a diffusion language model that choose their bytes",
    seeds=5,
    trainings=5,
    paper="Expert-Choice Routing in Diffusion Language Models, arXiv 2604.01622",
    adapts="how many experts a byte gets, by how much is hidden",
    no_oracle="which experts a byte needs is not known",
    no_speedup="all arms multiply as many rows",
    gaps=(
        Gap(
            mixture=("expert_static", "token_choice"),
            methods=("expert_choice", "expert_cosine", "expert_linear", "shuffled_schedule"),
        ),
    ),
    knobs=(
        Knob("batches", (24,), 24, open=True, low=1, high=24),
        Knob("passages", (32,), 32, open=True, low=1, high=64),
    ),
    cases="exchangeable",
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("nats nats_little nats_much", "nat/B", "lower", "quality"),
        Metric("pairs", "experts/B", "lower", "work", primary=True),
        Metric("flops_counted", "FLOP/B", "lower", "cost"),
        Metric("rows_multiplied", "rows", "lower", "info"),
        Metric("max_load", "", "lower", "cost", low=0.0),
        Metric("training_pairs pairs_to_loss", "pairs", "lower", "cost"),
        Metric("training_cpu_s seconds_to_loss", "s", "lower", "cost"),
        Metric("gain_little gain_much", "nat/B", "higher", "info"),
        Metric("gain_ratio", "", "higher", "info", low=0.0),
        Metric("recovery_steps", "steps", "lower", "info"),
    ),
)
CHECK_CONDITIONS = {"batches": 1, "passages": 4}
OUTCOMES = (Outcome,)
LITTLE, MUCH = 0.25, 0.75
__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


@dataclass(frozen=True)
class DenoiseTask:
    """The task: masked passages with what is hidden, and the bench that methods get."""

    bench: MaskBench
    known: tuple[Masked, ...] = field(repr=False)

    @property
    def meter(self) -> Meter:
        """Return the bench's meter."""
        return self.bench.meter

    def cases(self) -> Iterator[MaskedCase]:
        """Yield the passages, without what is hidden."""
        for index, one in enumerate(self.known):
            yield MaskedCase(index, one.shown.numpy().copy())

    def substrate(self) -> MaskBench:
        """Return what methods get: a bench that knows no case."""
        return MaskBench(self.bench.seed)

    def judge(self, case: MaskedCase, outcome: Outcome) -> Mapping[str, float]:
        """Return how right the hidden bytes are said, what was counted, and what the arm's training took."""
        given = self.known[case.index]
        came = given.bytes[given.hidden]
        losses = -outcome.odds.double().gather(1, came[:, None])[:, 0]
        each = torch.zeros(given.shown.shape, dtype=torch.double)
        each[given.hidden] = losses
        bounds, ratios = each.sum(1) / given.hidden.sum(1), given.ratios
        found = {
            "accuracy": float((outcome.odds.argmax(1) == came).double().mean()),
            "nats": float(bounds.mean()),
        }
        for name, own in (("nats_little", ratios <= LITTLE), ("nats_much", ratios > MUCH)):
            if bool(own.any()):
                found[name] = float(bounds[own].mean())
        return {**found, **outcome.counted, **training_figures(self.bench.seed, outcome.arm)}

    def score(self, case: MaskedCase, answer: Denoised) -> Mapping[str, float]:
        """Judge an answer of this very object's bench.

        Raises:
            MethodContractError: if the bench did not read it for this case.
        """
        return self.judge(case, self.bench.account(case, answer))


def load(scale: str, seed: int, *, batches: int = 24, passages: int = 32) -> DenoiseTask:
    """Return the task under the given conditions; no weight is read here.

    Raises:
        SelectionError: for a scale that it does not have, or more text than there is.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"denoise has no scale {scale!r}.", "It runs at `embedded`.")
    every = draw("test", batches * passages, seed)
    known = tuple(
        Masked(every.shown[i : i + passages], every.bytes[i : i + passages])
        for i in range(0, batches * passages, passages)
    )
    return DenoiseTask(MaskBench(seed), known)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield a sentence for each rule of this task that a method breaks."""
    yield from conformance.check(method, card)
    small = load("embedded", 0, **CHECK_CONDITIONS)
    yield from conformance.unread(small.bench, next(small.cases()), method, card)

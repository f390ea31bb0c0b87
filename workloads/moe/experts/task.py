"""Experts: a small language model of which a byte runs two experts of sixteen, and what is saved on it afterwards.

A case is 32 passages of 96 bytes of one domain (`byte_corpus.py`). The model was trained once for each seed, on four
domains, by the rules of Switch; nothing is trained in a run. What can be changed after training is a method each:
how many experts a byte runs, which experts are there, in how many bits they are held, by which kernel they are
multiplied. That is the taxonomy of the survey as far as it stands on one machine.

**What is scored.** `nats` a byte, and `likelihood`, exp(-nats), the geometric mean of the chance that the model gave to the
byte that came.

**What is counted.** `expert_flops` a byte are counted where a segment of rows is multiplied by an expert: a masked expert
that runs costs what it takes. `pairs` are bytes that an expert multiplied, a byte and layer. `stored_bytes` are those of
the tensors that are held. `max_load`, the largest expert's share over the mean one's.

**Conditions.** `passages` and `length` make batches small: at 1 and 32 an expert multiplies four rows.

**Limits.** 0.6 million weights and four domains: signs transfer at best. Experts that are this small are less
redundant than those of models of 8 x 7 billion.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
import torch

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import SelectionError
from adabench.workloads.moe.experts import conformance
from adabench.workloads.moe.experts.recipes import SHAPES
from adabench.workloads.moe.experts.substrate.passage_bench import (
    Outcome,
    PassageBench,
    Passages,
    Reading,
)
from adabench.workloads.moe.substrate.byte_corpus import DOMAINS, Ints
from adabench.workloads.moe.substrate.byte_corpus import passages as drawn

CARD = Card(
    title="Experts: a mixture-of-experts language model after its training",
    seeds=5,
    trainings=5,
    paper="our own substrate; A Survey on Inference Optimization Techniques for MoE Models, arXiv 2412.14219",
    adapts="how many experts a byte runs",
    no_oracle="the bytes of a text are not right or wrong, and no choice of experts can be known to be best",
    comparison=("nats", "expert_flops", "flops_counted", "stored_bytes", "max_load"),
    speedup_work="flops_counted",
    gaps=(
        Gap(
            mixture=("full_topk",),
            methods=("skip_ratio", "top_p", "skip_in_bytes"),
            coin="random_skip",
        ),
    ),
    knobs=(
        Knob("batches", (4,), 4, open=True, low=1, high=12),
        Knob("passages", (32,), 32, open=True, low=1, high=64),
        Knob("length", (96,), 96, open=True, low=2, high=96),
    ),
    cases="exchangeable",
    metrics=(
        Metric("likelihood", "", "higher", "quality", primary=True),
        Metric("nats", "nat/B", "lower", "quality"),
        Metric("expert_flops", "FLOP/B", "lower", "work", primary=True),
        Metric("flops_counted", "FLOP/B", "lower", "cost"),
        Metric("pairs", "experts/B", "lower", "cost"),
        Metric("stored_bytes", "B", "lower", "cost"),
        Metric("rows_multiplied", "rows", "lower", "info"),
        Metric("max_load", "", "lower", "info", low=0.0),
    ),
)
CHECK_CONDITIONS = {"batches": 1, "passages": 2}
OUTCOMES = (Outcome,)
__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


@dataclass(frozen=True)
class ExpertsTask:
    """The task: passages with the bytes that come after them, and the bench that methods get."""

    bench: PassageBench
    known: tuple[tuple[Passages, Ints], ...] = field(repr=False)
    """Each case with the last bytes of its passages, [B]."""

    @property
    def meter(self) -> Meter:
        """Return the bench's meter."""
        return self.bench.meter

    def cases(self) -> Iterator[Passages]:
        """Yield the passages, domain after domain, without their last bytes."""
        for case, _ in self.known:
            yield case

    def substrate(self) -> PassageBench:
        """Return what methods get: a bench that knows no case."""
        return PassageBench(self.bench.seed)

    def judge(self, case: Passages, outcome: Outcome) -> Mapping[str, float]:
        """Return nats a byte over all bytes but the first of a passage, and what was counted."""
        last = torch.from_numpy(self.known[case.index][1])
        came = outcome.last.gather(1, last[:, None])
        nats = -float(torch.cat((outcome.odds, came), dim=1).double().mean())
        return {**outcome.counted, "nats": nats, "likelihood": float(np.exp(-nats))}

    def score(self, case: Passages, answer: Reading) -> Mapping[str, float]:
        """Judge an answer of this very object's bench.

        Raises:
            MethodContractError: if the bench did not read it for this case.
        """
        return self.judge(case, self.bench.account(case, answer))


def load(
    scale: str, seed: int, *, batches: int = 4, passages: int = 32, length: int = 96
) -> ExpertsTask:
    """Return the task under the given conditions; no weight is read here.

    Raises:
        SelectionError: for a scale that it does not have, or more text than there is.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"experts has no scale {scale!r}.", "It runs at `embedded`.")
    if not 2 <= length <= SHAPES["moe"].length:
        raise SelectionError(
            f"A model of {SHAPES['moe'].length} positions cannot read length={length}.",
            f"Ask for 2 to {SHAPES['moe'].length}.",
        )
    known: list[tuple[Passages, Ints]] = []
    for domain in DOMAINS[: min(batches, len(DOMAINS))]:
        each = len(range(DOMAINS.index(domain), batches, len(DOMAINS)))
        windows = drawn(domain, "test", each * passages, length, seed)
        for first in range(0, len(windows), passages):
            part = windows[first : first + passages]
            case = Passages(len(known), domain, np.ascontiguousarray(part[:, :-1]))
            known.append((case, part[:, -1].copy()))
    return ExpertsTask(PassageBench(seed), tuple(known))


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield a sentence for each rule of this task that a method breaks."""
    yield from conformance.check(method, card)
    small = load("embedded", 0, **CHECK_CONDITIONS)
    yield from conformance.sees_ahead(small.bench, next(small.cases()), method, card)

"""How queries are read: the frozen encoder, the gate on its summary, and the experts that it chose.

    for the queries of a case, `together` of one length at a time:
        states = encoder(tokens)                      what every method has
        weights = gate(states of <cls>, work)         what the method decides
        answer = sum over experts of weight > 0       nothing else is run

The engine writes down which expert ran on which query, and two works: the encoder's, and that of gate and
experts. Queries that are read together have one length, so nobody pads.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from adabench.harness.contract.card import Point
from adabench.workloads.depth_width.classify.substrate.experts import Gate, Mixture
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.questions import Questions
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.substrate.work_counter import Work

QUICK = 64
"""Queries that are read together where nothing is measured."""


class States(Protocol):
    """A frozen encoder: ours, or states of a pretrained one that lie in the cache."""

    @property
    def width(self) -> int:
        """Of a state."""
        ...

    @property
    def parameters_in_use(self) -> int:
        """Weights that have to be in memory."""
        ...

    def states(self, tokens: Tensor, work: Work) -> Tensor:
        """Return states [n, T, d] of queries of one length; the first is the summary."""
        ...

    def identity(self) -> Mapping[str, Tensor]:
        """Return what tells it from other encoders."""
        ...


@dataclass(frozen=True)
class QuerySet:
    """A case: queries, and which set of the run they are."""

    index: int
    questions: Questions


@dataclass(frozen=True)
class Reading:
    """Answers to the queries of a case, and what the engine wrote down."""

    logits: Tensor
    """[queries, classes]"""
    works: tuple[tuple[Tensor, Work], ...]
    """The encoder's work, and that of gate and experts, with the queries that they are of."""
    experts: tuple[str, ...] = ("",)
    """What each expert is: a GRU or a feed-forward net."""
    parameters: int = 0

    def runs(self) -> Tensor:
        """Return which experts ran on which query, [queries, experts]."""
        found = torch.zeros(len(self.logits), len(self.experts), dtype=torch.bool)
        for place, rows in self.works[1][1].runs:
            found[rows, place] = True
        return found


@dataclass(frozen=True)
class ChoiceTally:
    """What a reading says and what it took, as plain data."""

    answers: Tensor
    """Classes, [queries]."""
    runs: Tensor
    """Which experts ran on which query, [queries, experts]."""
    experts: tuple[str, ...]
    """What each expert is."""
    counted: Mapping[str, float]
    """Costs per query."""


@dataclass(frozen=True)
class Reader:
    """A frozen encoder and a trained mixture: what a method gets to hold."""

    encoder: States
    mixture: Mixture
    together: int = 1

    def read(self, case: QuerySet, gate: Gate | None = None) -> Reading:
        """Answer the queries of a case; without a gate every expert runs on each."""
        tokens = torch.from_numpy(case.questions.tokens)
        lengths = torch.from_numpy(case.questions.lengths)
        experts, encoding, choosing = self.mixture.arm.experts, Work(), Work()
        logits = torch.zeros(len(tokens), self.mixture.classes)
        with torch.inference_mode(), one_thread():
            for rows in groups(lengths.numpy(), self.together):
                own = tokens[rows, : int(lengths[rows[0]])]
                states = self.encoder.states(own, encoding)
                if gate is None:
                    weights = states.new_ones(len(rows), len(experts))
                else:
                    weights = gate(states[:, 0], rows, choosing)
                logits[rows] = self.mixture.answer(states[:, 1:], None, weights, rows, choosing)
        everyone = torch.arange(len(tokens))
        memory = self.encoder.parameters_in_use + self.mixture.parameters_in_use
        return Reading(logits, ((everyone, encoding), (everyone, choosing)), experts, memory)


@dataclass(frozen=True)
class GatedReader:
    """A reader, and the gate that chooses its experts; without one all of them run."""

    reader: Reader
    gate: Gate | None = None

    def answer(self, case: QuerySet, point: Point | None = None) -> Reading:
        """Answer each query by the experts that the gate chooses: the `solve` of most methods."""
        return self.reader.read(case, self.gate)


def groups(lengths: Ints, together: int) -> Iterator[Tensor]:
    """Yield the queries that are read together: one by one in their order, or so many of one length."""
    if together == 1:
        for place in range(len(lengths)):
            yield torch.tensor([place])
        return
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        for first in range(0, len(rows), together):
            yield torch.from_numpy(rows[first : first + together])


def tally(reading: Reading) -> ChoiceTally:
    """Return what was written down of a reading."""
    (_, encoding), (_, choosing) = reading.works
    queries = len(reading.logits)
    counted = {
        "expert_flops": choosing.flops / queries,
        "flops_counted": (encoding.flops + choosing.flops) / queries,
        "executions": sum(len(rows) for _, rows in choosing.runs) / queries,
        "parameters_bytes": 4.0 * reading.parameters,
        "queries": float(queries),
    }
    return ChoiceTally(reading.logits.argmax(-1), reading.runs(), reading.experts, counted)


class ClassifyTask(Protocol):
    """Mixtures by name, and queries that no score is taken on."""

    def reader(self, arm: str, batch: int = 64) -> Reader:
        """Return the reader of a mixture such as `hecto`."""
        ...

    def calibration(self) -> QuerySet:
        """Return queries that no score is taken on."""
        ...

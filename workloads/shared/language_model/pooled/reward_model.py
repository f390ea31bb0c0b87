"""Scores steps by a head that reads one state each, on the device where its trunk runs.

    score = sigmoid(a . h)          h: the trunk's final state at the step's last word

Nothing is trained, so scores are random and reproducible; what is real is what a judge costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from adabench.workloads.shared.language_model.contract import Costs, Seq
from adabench.workloads.shared.language_model.pooled.engine import PooledEngine
from adabench.workloads.shared.language_model.vocabulary import EOS, STEP_END


@dataclass
class _Reading:
    """What the trunk has read of one sequence of the policy, and its scores."""

    seq: Seq
    scores: list[float] = field(default_factory=list)


class StateJudge:
    """Scores the steps of a policy's sequences by `head` [width]."""

    def __init__(self, trunk: PooledEngine, head: Tensor) -> None:
        self.trunk, self._head = trunk, head
        self.name, self.vocabulary = trunk.name, trunk.vocabulary
        self._readings: dict[Seq, _Reading] = {}
        self._prompts: dict[tuple[int, ...], Seq] = {}

    def reset(self, costs: Costs) -> None:
        """Forget every sequence and count into `costs` from here on."""
        self.trunk.reset(costs)
        self._readings.clear()
        self._prompts.clear()

    def follow(self, parent: Seq, children: Sequence[Seq]) -> None:
        """Let what was read of a parent count for its children."""
        reading = self._readings.get(parent)
        if reading is not None:
            copies = self.trunk.fork(reading.seq, len(children))
            for child, copy in zip(children, copies, strict=True):
                self._readings[child] = _Reading(copy, list(reading.scores))

    def scores(self, seqs: Sequence[Seq]) -> list[tuple[float, ...]]:
        """Return a score for every step of each sequence, and one for its end; read what is new."""
        readings = [self._reading(seq) for seq in seqs]
        parts = [_unread(seq, reading) for seq, reading in zip(seqs, readings, strict=True)]
        due = [(reading, part) for reading, part in zip(readings, parts, strict=True) if part]
        if due:
            self.trunk.append([reading.seq for reading, _ in due], [part for _, part in due])
        fresh = [
            reading
            for seq, reading, part in zip(seqs, readings, parts, strict=True)
            if seq.finished or (part and part[-1] == STEP_END)
        ]
        for reading, score in zip(fresh, self._asked(fresh), strict=True):
            reading.scores.append(score)
        return [tuple(reading.scores) for reading in readings]

    def forget(self, seq: Seq) -> None:
        """Let go of a sequence."""
        reading = self._readings.pop(seq, None)
        if reading is not None:
            self.trunk.close(reading.seq)

    def _reading(self, seq: Seq) -> _Reading:
        if seq not in self._readings:
            prompt = tuple(seq.ids[: seq.start])
            if prompt not in self._prompts:
                self._prompts[prompt] = self.trunk.open(prompt)
            (copy,) = self.trunk.fork(self._prompts[prompt], 1)
            self._readings[seq] = _Reading(copy)
        return self._readings[seq]

    def _asked(self, readings: Sequence[_Reading]) -> list[float]:
        if not readings:
            return []
        states = self.trunk.last_states([reading.seq for reading in readings])
        self.trunk.costs.meter["flops"] += 2 * states.numel()
        scores: list[float] = torch.sigmoid(states.float() @ self._head.float()).tolist()
        return scores


class StateRouter:
    """Foretells a target's better steps by a head on the states of a trunk that reads the draft's.

    At the shape of a large model it is as random as the judge; what is real is that a trunk reads each
    new step once, whoever wrote it, and that the target is not run to decide.
    """

    def __init__(self, trunk: PooledEngine, head: Tensor) -> None:
        self._reader = StateJudge(trunk, head)
        self.name, self.vocabulary = trunk.name, trunk.vocabulary
        self.reset, self.follow = self._reader.reset, self._reader.follow
        self.forget = self._reader.forget

    def advantages(self, seqs: Sequence[Seq], authors: Sequence[Sequence[bool]]) -> list[float]:
        """Return, for each sequence, how likely the target would write its latest step better."""
        scores = self._reader.scores(seqs)
        return [
            one[len(marks)] if len(one) > len(marks) else 1.0
            for one, marks in zip(scores, authors, strict=True)
        ]


def _unread(seq: Seq, reading: _Reading) -> list[int]:
    part = seq.ids[len(reading.seq.ids) :]
    return part[:-1] if part and part[-1] == EOS else part

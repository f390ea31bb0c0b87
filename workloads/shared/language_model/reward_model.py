"""Judges how likely it is that a completion will end well: a process reward model.

    x = (layernorm(h), z)          h: the trunk's final state at the end of a step, or where the policy stops
    z = mean, least, latest log-probability that the trunk gave to the steps so far, per word;
        whether the policy stops here, and the log-probability of stopping; steps so far / 10
    score = sigmoid(w2 . gelu(W1 x + b1) + b2)

The trunk is an engine of its own: its tokens are `judged`, its FLOPs join the policy's, its cache follows the policy's forks.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from adabench.workloads.shared.language_model.batched.session_models import SessionModels
from adabench.workloads.shared.language_model.contract import Costs, Floats, Seq
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.native.matmul import product
from adabench.workloads.shared.language_model.vocabulary import EOS, STEP_END

FEATURES = 8
"""Six, and two zeros: the compiled product takes four at a time."""


class Reader(Protocol):
    """What a session asks of whatever reads the policies' sequences."""

    @property
    def name(self) -> str:
        """Return what it is called in messages."""
        ...

    @property
    def vocabulary(self) -> str:
        """Return the digest of the vocabulary whose ids it reads."""
        ...

    def reset(self, costs: Costs) -> None:
        """Forget every sequence and count into `costs` from here on."""
        ...

    def follow(self, parent: Seq, children: Sequence[Seq]) -> None:
        """Let what was read of a parent count for its children."""
        ...

    def forget(self, seq: Seq) -> None:
        """Let go of a sequence."""
        ...


class Scorer(Reader, Protocol):
    """What a session asks of a judge."""

    def scores(self, seqs: Sequence[Seq]) -> list[tuple[float, ...]]:
        """Return a score for every step of each sequence."""
        ...


class Router(Reader, Protocol):
    """What a session asks of whoever foretells which of two policies writes a step better."""

    def advantages(self, seqs: Sequence[Seq], authors: Sequence[Sequence[bool]]) -> list[float]:
        """Return, for each sequence, how likely another policy would write its latest step better.

        `authors` says of each earlier step of a sequence whether that other policy wrote it. A step
        that has come to no end has no state to look at, and counts as 1.
        """
        ...


class Head(nn.Module):
    """States [n, d] and features [n, 8] to logits [n]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width + FEATURES, width)
        self.outer = nn.Linear(width, 1)

    def forward(self, states: Tensor, features: Tensor) -> Tensor:
        """Return one logit for each state."""
        seen = torch.cat((self.norm(states), features), dim=-1)
        logits: Tensor = self.outer(nn.functional.gelu(self.inner(seen)))
        return logits[..., 0]


@dataclass
class Reading:
    """What the judge has read of one sequence of the policy."""

    seq: Seq
    chances: list[float] = field(default_factory=list)
    """The trunk's log-probability of each word of the completion so far."""
    ends: list[int] = field(default_factory=list)
    """How many of those words came before the end of each step."""
    scores: list[float] = field(default_factory=list)
    stopped: bool = False
    moments: "list[Moment]" = field(default_factory=list)
    """Where the head was to be asked so far; those before a fork are the parent's."""


@dataclass(frozen=True)
class Moment:
    """A place where the head is asked."""

    reading: Reading
    state: Floats
    features: Floats


class Judge:
    """Scores the steps of a policy's sequences."""

    def __init__(self, engine: NativeEngine, head: Head) -> None:
        self.engine, self.name, self.vocabulary = engine, engine.name, engine.vocabulary
        self._weights = tuple(
            np.ascontiguousarray(part.detach().float().numpy())
            for part in (
                head.norm.weight,
                head.norm.bias,
                head.inner.weight.T[None],
                head.inner.bias,
                head.outer.weight[0],
                head.outer.bias,
            )
        )
        self._readings: dict[Seq, Reading] = {}
        self._prompts: dict[tuple[int, ...], Seq] = {}

    def of_session(self, models: SessionModels) -> "Judge":
        """Return one with readings of its own, for one of several sessions side by side."""
        own = copy(self)
        own.engine = models.view(self.engine)
        own._readings = {}
        own._prompts = {}
        return own

    def reset(self, costs: Costs) -> None:
        """Forget every sequence and count into `costs` from here on."""
        self.engine.reset(costs)
        self._readings.clear()
        self._prompts.clear()

    def follow(self, parent: Seq, children: Sequence[Seq]) -> None:
        """Let what was read of a parent count for its children."""
        reading = self._readings.get(parent)
        if reading is None:
            return
        copies = self.engine.fork(reading.seq, len(children))
        for child, own in zip(children, copies, strict=True):
            self._readings[child] = Reading(
                own,
                list(reading.chances),
                list(reading.ends),
                list(reading.scores),
                moments=list(reading.moments),
            )

    def scores(self, seqs: Sequence[Seq]) -> list[tuple[float, ...]]:
        """Return a score for every step of each sequence, and one for stopping if it stopped.

        Only what is new is read.
        """
        moments = self.moments(seqs)
        if moments:
            states = np.stack([moment.state for moment in moments])
            features = np.stack([moment.features for moment in moments])
            for moment, score in zip(moments, self._head(states, features), strict=True):
                moment.reading.scores.append(float(score))
        return [tuple(self._readings[seq].scores) for seq in seqs]

    def moments(self, seqs: Sequence[Seq]) -> list[Moment]:
        """Read what is new; return the places where the head is to be asked, in order."""
        readings = [self._reading(seq) for seq in seqs]
        parts = [self._unread(seq, r) for seq, r in zip(seqs, readings, strict=True)]
        due = [(r, part) for r, part in zip(readings, parts, strict=True) if part]
        if due:
            self.engine.append([r.seq for r, _ in due], [part for _, part in due])
        words = [
            self._words(seq, r, part) for seq, r, part in zip(seqs, readings, parts, strict=True)
        ]
        states = [
            self.engine.hidden(r.seq, len(r.seq.ids) - len(part) - 1) if own else None
            for r, part, own in zip(readings, parts, words, strict=True)
        ]  # fmt: skip
        chances = self._chances(states, words)
        found: list[Moment] = []
        for reading, part, own, rows, chance in zip(
            readings, parts, words, states, chances, strict=True
        ):
            if rows is not None:
                new = self._read(reading, part, rows, chance, stops=len(own) > len(part))
                reading.moments += new
                found += new
        return found

    def read(self, seq: Seq) -> Sequence[Moment]:
        """Return every moment of a sequence so far; what is new is read first."""
        self.moments([seq])
        return self._readings[seq].moments

    def forget(self, seq: Seq) -> None:
        """Let go of a sequence."""
        reading = self._readings.pop(seq, None)
        if reading is not None:
            self.engine.close(reading.seq)

    def _reading(self, seq: Seq) -> Reading:
        if seq not in self._readings:
            prompt = tuple(seq.ids[: seq.start])
            if prompt not in self._prompts:
                self._prompts[prompt] = self.engine.open(prompt)
            (copy,) = self.engine.fork(self._prompts[prompt], 1)
            self._readings[seq] = Reading(copy)
        return self._readings[seq]

    @staticmethod
    def _unread(seq: Seq, reading: Reading) -> list[int]:
        part = seq.ids[len(reading.seq.ids) :]
        return part[:-1] if part and part[-1] == EOS else part

    @staticmethod
    def _words(seq: Seq, reading: Reading, part: list[int]) -> list[int]:
        """Return the words of a part, and the end of the sequence if that is new."""
        return [*part, EOS] if seq.finished and not reading.stopped else part

    @staticmethod
    def _read(
        reading: Reading, part: list[int], states: Floats, chances: Floats, *, stops: bool
    ) -> list[Moment]:
        """Return the moments within a part that was just appended, and of stopping."""
        moments = []
        for index, word in enumerate(part):
            reading.chances.append(float(chances[index]))
            if word == STEP_END:
                reading.ends.append(len(reading.chances))
                moments.append(Moment(reading, states[index + 1], _features(reading)))
        if stops:
            reading.stopped = True
            features = _features(reading)
            features[3], features[4] = 1.0, max(float(chances[-1]), -20.0)
            moments.append(Moment(reading, states[-1], features))
        return moments

    def _chances(
        self, states: Sequence[Floats | None], words: Sequence[Sequence[int]]
    ) -> list[Floats]:
        """Return the log-probability of each word given the state before it, for all parts at once.

        A row's bits depend on that row alone, so it does not matter which parts are read together.
        """
        rows = [
            own[: len(part)] for own, part in zip(states, words, strict=True) if own is not None
        ]
        if not rows:
            return [np.zeros(0, np.float32) for _ in words]
        logits = self.engine.logits(np.concatenate(rows))
        logits -= logits.max(axis=1, keepdims=True)
        norms = np.log(np.exp(logits).sum(axis=1))
        chances = logits[np.arange(len(logits)), [word for part in words for word in part]] - norms
        return np.split(chances, np.cumsum([len(part) for part in words])[:-1])

    def _head(self, states: Floats, features: Floats) -> Floats:
        """Apply the head to states [n, d]; a row's bits do not depend on the others'."""
        scale, shift, inner, bias, outer, last = self._weights
        n, width = states.shape
        centred = states - states.mean(axis=1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=1, keepdims=True) + np.float32(1e-5))
        seen = np.concatenate((centred / spread * scale + shift, features), axis=1)
        hidden = np.empty((n, width), np.float32)
        product(np.ascontiguousarray(seen, np.float32), inner, hidden, n)
        active = _gelu(hidden + bias)
        self.engine.costs.meter["flops"] += 2 * n * width * (width + FEATURES + 1)
        logits: Floats = (active * outer).sum(axis=1) + last[0]
        scores: Floats = np.reciprocal(np.float32(1) + np.exp(-logits))
        return scores


def _features(reading: Reading) -> Floats:
    """Return mean, least and latest log-probability of the steps so far, and their number."""
    found = np.zeros(FEATURES, np.float32)
    if not reading.ends:
        return found
    starts = [0, *reading.ends[:-1]]
    steps = [sum(reading.chances[a:b]) / (b - a) for a, b in zip(starts, reading.ends, strict=True)]
    found[0] = sum(reading.chances) / len(reading.chances)
    found[1], found[2] = min(steps), steps[-1]
    found[5] = len(steps) / 10
    return np.maximum(found, np.float32(-20))


def _gelu(x: Floats) -> Floats:
    """Return x Phi(x)."""
    active: Floats = 0.5 * x * (1 + _erf(x / np.float32(np.sqrt(2))))
    return active


def _erf(x: Floats) -> Floats:
    """Return the error function (Abramowitz and Stegun 7.1.26; error below 1.5e-7)."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    poly = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    value: Floats = np.sign(x) * (1 - poly * np.exp(-x * x))
    return value

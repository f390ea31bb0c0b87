"""Routes between two policies: how likely the target is to write a step better than the draft did.

x = (layernorm(h), z, layernorm(h'), z', a)
    h, z      the trunk's final state at the end of the step, and how probable it found the words
    h', z'    the same at the end of the step before; zeros at the first step
    a         whether the target wrote the step before; the share of earlier steps that it wrote
q = sigmoid(w2 . gelu(W1 x + b1) + b2)
"""

from collections.abc import Sequence
from copy import copy

import numpy as np
import torch
from torch import Tensor, nn

from adabench.workloads.shared.language_model.batched.session_models import SessionModels
from adabench.workloads.shared.language_model.contract import Costs, Floats, Seq
from adabench.workloads.shared.language_model.native.matmul import product
from adabench.workloads.shared.language_model.reward_model import FEATURES, Judge, Moment

HIDDEN = 64
MARKS = 4
"""Two, and two zeros: the compiled product takes four at a time."""


def inputs(width: int) -> int:
    """Return how many numbers the head sees."""
    return 2 * (width + FEATURES) + MARKS


class RouterHead(nn.Module):
    """Rows [n, inputs] of `sight` to logits [n]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(inputs(width), HIDDEN)
        self.outer = nn.Linear(HIDDEN, 1)

    def forward(self, rows: Tensor) -> Tensor:
        """Return one logit for each row."""
        logits: Tensor = self.outer(nn.functional.gelu(self.inner(rows), approximate="tanh"))
        return logits[..., 0]


def sight(moments: Sequence[Moment], authors: Sequence[bool]) -> Floats:
    """Return what the head sees [inputs] of the latest of a sequence's steps."""
    latest = moments[-1]
    before = moments[-2] if len(moments) > 1 else None
    width = len(latest.state)
    row = np.zeros(inputs(width), np.float32)
    for start, moment in ((0, latest), (width + FEATURES, before)):
        if moment is not None:
            row[start : start + width] = _normed(moment.state)
            row[start + width : start + width + FEATURES] = moment.features
    if authors:
        row[-MARKS] = authors[-1]
        row[1 - MARKS] = sum(authors) / len(authors)
    return row


def _normed(state: Floats) -> Floats:
    centred: Floats = state - state.mean()
    spread: Floats = centred / np.sqrt((centred * centred).mean() + np.float32(1e-5))
    return spread


class StepRouter:
    """Foretells, step by step, where the target would do better."""

    def __init__(self, reader: Judge, head: RouterHead, name: str) -> None:
        self._reader, self.name, self.vocabulary = reader, name, reader.vocabulary
        weights = (head.inner.weight.T[None], head.inner.bias, head.outer.weight[0])
        self._inner, self._shift, self._outer = (
            np.ascontiguousarray(part.detach().float().numpy()) for part in weights
        )
        self._bias = float(head.outer.bias.detach()[0])

    def of_session(self, models: SessionModels) -> "StepRouter":
        """Return one with readings of its own, for one of several sessions side by side."""
        own = copy(self)
        own._reader = models.view(self._reader)
        return own

    def reset(self, costs: Costs) -> None:
        """Forget every sequence and count into `costs` from here on."""
        self._reader.reset(costs)

    def follow(self, parent: Seq, children: Sequence[Seq]) -> None:
        """Let what was read of a parent count for its children."""
        self._reader.follow(parent, children)

    def forget(self, seq: Seq) -> None:
        """Let go of a sequence."""
        self._reader.forget(seq)

    def advantages(self, seqs: Sequence[Seq], authors: Sequence[Sequence[bool]]) -> list[float]:
        """Return, for each sequence, how likely the target would write its latest step better."""
        return [self._advantage(seq, marks) for seq, marks in zip(seqs, authors, strict=True)]

    def _advantage(self, seq: Seq, authors: Sequence[bool]) -> float:
        moments = self._reader.read(seq)
        if len(moments) <= len(authors):  # the step has come to no end
            return 1.0
        row = sight(moments, authors)
        hidden = np.empty((1, HIDDEN), np.float32)
        product(row[None], self._inner, hidden, 1)
        self._reader.engine.costs.meter["flops"] += 2 * HIDDEN * (len(row) + 1)
        logit = float((_gelu(hidden[0] + self._shift) * self._outer).sum()) + self._bias
        return float(1 / (1 + np.exp(-logit)))


def _gelu(x: Floats) -> Floats:
    """Return GELU by its tanh, as torch computes it."""
    inner = np.float32(np.sqrt(2 / np.pi)) * (x + np.float32(0.044715) * x**3)
    active: Floats = np.float32(0.5) * x * (1 + np.tanh(inner))
    return active


def rows_of(sights: Sequence[Floats]) -> Tensor:
    """Return several rows as one tensor [n, inputs]."""
    return torch.from_numpy(np.stack(sights))

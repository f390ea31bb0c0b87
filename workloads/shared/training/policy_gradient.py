"""What an update by reward moves weights along: advantages of completions within their group, a loss, and how words are weighed.

    - sum over words of  weight * f(rho, A) ,    rho = pi_now(word) / pi_version(word)

    advantage A    (r - mean of the group, or of the first in it) over the deviation of the group, of the batch, or of none
    loss f         grpo   min(rho A, clip(rho, 0.8, 1.2) A)        dapo   the same, clipped at 1.28 above
                   cispo  stop(min(rho, 4)) A log pi_now           no word's gradient is clipped away
    weight         sample: a mean over words, then over completions; prompt: over the words of a group, then over
                   groups; token: over all words

**Which groups enter.** One whose rewards are equal teaches nothing. It counts in the means unless the objective is `filtered`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.vocabulary import PAD

Words = tuple[int, ...]
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

LOW, HIGH, HIGHER, MOST = 0.2, 0.2, 0.28, 4.0
"""Clips of rho: below, above, above of `dapo`, and of `cispo`."""
LEAST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Objective:
    """What an update moves the weights along."""

    loss: Literal["grpo", "dapo", "cispo"] = "grpo"
    aggregation: Literal["sample", "prompt", "token"] = "sample"
    deviation: Literal["group", "batch", "none"] = "group"
    """Over which deviation rewards are advantages."""
    baseline: int = 0
    """How many completions, the first of a group, have the mean that all are held against; 0: all of them."""
    shifted: bool = False
    """Whether it is that of another group, as in a control."""
    filtered: bool = False
    """Whether groups of equal rewards are left out of the means."""
    refilled: bool = False
    """Whether others are drawn in their place."""
    retire_at: float = math.inf
    """Mean reward at which a prompt is not drawn again."""


@dataclass(frozen=True)
class Group:
    """Completions of one prompt, and what they are worth."""

    prompt: Words
    completions: tuple[Words, ...]
    rewards: Floats
    begins: tuple[int, ...] = ()
    """Where what each is to learn begins, behind words that it was given; empty: with its first word."""
    parts: tuple[tuple[tuple[Words, Words], ...], ...] = ()
    """What each has read and written in every sequence that it consists of, where it is not one alone."""

    @property
    def sequences(self) -> list[tuple[tuple[Words, Words], ...]]:
        """Return for each completion what each of its sequences has read, and what it wrote."""
        return list(self.parts) if self.parts else [(row,) for row in self._rows]

    @property
    def rows(self) -> list[tuple[Words, Words]]:
        """Return what each sequence has read, and what it wrote."""
        return [row for rows in self.sequences for row in rows]

    @property
    def _rows(self) -> list[tuple[Words, Words]]:
        begins = self.begins or (0,) * len(self.completions)
        pairs = zip(self.completions, begins, strict=True)
        return [((*self.prompt, *words[:begin]), words[begin:]) for words, begin in pairs]

    @property
    def differs(self) -> bool:
        """Whether its completions are worth different amounts: only then does it teach anything."""
        return bool(np.ptp(self.rewards))


@dataclass(frozen=True)
class Batch:
    """Completions that enter an update, a row each: words [rows, T], and what a row is worth [rows]."""

    ids: Tensor
    targets: Tensor
    """The next words."""
    is_own: Tensor
    """Where the next word is the policy's."""
    advantages: Tensor
    weights: Tensor
    """Of each own word in the loss."""


def advantages(
    rewards: Floats, deviation: str, baseline: int = 0, *, shifted: bool = False
) -> Floats:
    """Return rewards [groups, samples] less the mean of the first `baseline` of their group, over a deviation."""
    means = rewards[:, : baseline or None].mean(axis=1, keepdims=True)
    centred: Floats = rewards - (np.roll(means, 1, axis=0) if shifted else means)
    if deviation == "none":
        return centred
    axis = 1 if deviation == "group" else None
    centred /= np.maximum(np.sqrt((centred**2).mean(axis=axis, keepdims=True)), LEAST_DEVIATION)
    return centred


def batch_of(groups: Sequence[Group], objective: Objective) -> Batch | None:
    """Return the rows that have a gradient; None if there is none.

    Groups of equal rewards have no row; unless filtered they count in the means and in the batch's deviation.
    """
    if not any(group.differs for group in groups):
        return None
    counted = [group for group in groups if group.differs or not objective.filtered]
    each = advantages(
        np.stack([group.rewards for group in counted]),
        objective.deviation, objective.baseline, shifted=objective.shifted,
    )  # fmt: skip
    rows, values, weights = list[tuple[Words, Words]](), list[float](), list[float]()
    total = sum(len(words) for group in counted for _, words in group.rows)
    for group, own in zip(counted, each, strict=True):
        if not group.differs:
            continue
        size = sum(len(words) for _, words in group.rows)
        for sequences, value in zip(group.sequences, own, strict=True):
            many = len(sequences) * len(group.completions) * len(counted)
            for read, words in sequences:
                shares = {
                    "sample": 1 / (len(words) * many),
                    "prompt": 1 / (size * len(counted)),
                    "token": 1 / total,
                }
                rows.append((read, words))
                values.append(float(value))
                weights.append(shares[objective.aggregation])
    return Batch(*padded(rows), torch.tensor(values), torch.tensor(weights))


def padded(rows: Sequence[tuple[Words, Words]]) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids, next words and where these are the policy's, all [rows, T]."""
    width = max(len(prompt) + len(words) for prompt, words in rows) - 1
    ids = torch.full((len(rows), width), PAD)
    targets = torch.full_like(ids, PAD)
    is_own = torch.zeros(len(rows), width, dtype=torch.bool)
    for row, (prompt, words) in enumerate(rows):
        whole = torch.tensor((*prompt, *words))
        ids[row, : len(whole) - 1], targets[row, : len(whole) - 1] = whole[:-1], whole[1:]
        is_own[row, len(prompt) - 1 : len(whole) - 1] = True
    return ids, targets, is_own


def log_probabilities(model: LanguageModel, batch: Batch, temperature: float) -> Tensor:
    """Return the log-probabilities [own words] of a batch at a temperature."""
    logits = F.linear(model.states(batch.ids)[batch.is_own], model.embedding.weight) / temperature
    return -F.cross_entropy(logits, batch.targets[batch.is_own], reduction="none")


def surrogate(batch: Batch, now: Tensor, before: Tensor, objective: Objective) -> Tensor:
    """Return what is to be made small, of log-probabilities [own words] now and of the version."""
    rows = torch.arange(len(batch.ids)).unsqueeze(1).expand_as(batch.ids)[batch.is_own]
    worth, ratio = batch.advantages[rows], (now - before).exp()
    if objective.loss == "cispo":
        each = ratio.detach().clamp(max=MOST) * worth * now
    else:
        high = HIGHER if objective.loss == "dapo" else HIGH
        each = torch.minimum(ratio * worth, ratio.clamp(1 - LOW, 1 + high) * worth)
    return -(each * batch.weights[rows]).sum()

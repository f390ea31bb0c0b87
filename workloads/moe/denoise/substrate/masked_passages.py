"""Passages with masks: what a model reads, what it is to say, and how much of it is hidden."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.moe.denoise.recipes import LENGTH, MASK
from adabench.workloads.moe.substrate.byte_corpus import Domain, Ints, Split, passages

DOMAIN: Domain = "table"
"""Records whose fields follow from each other: what is hidden can be told from what is shown."""


@dataclass(frozen=True)
class Masked:
    """Passages of which some bytes are hidden."""

    shown: Tensor
    """[B, T], 256 where a byte is hidden."""
    bytes: Tensor
    """[B, T], as they were."""

    @property
    def hidden(self) -> Tensor:
        """Return where a byte is hidden, [B, T]."""
        return self.shown == MASK

    @property
    def ratios(self) -> Tensor:
        """Return the share of each passage that is hidden, [B]."""
        return self.hidden.double().mean(1)


def masked(windows: Ints, random: np.random.Generator) -> Masked:
    """Hide each byte of a passage with a chance that is drawn for the passage; one at least is hidden."""
    bytes_ = torch.from_numpy(windows)
    chance = random.random((len(windows), 1))
    hidden = random.random(windows.shape) < chance
    hidden[np.arange(len(windows)), random.integers(windows.shape[1], size=len(windows))] = True
    shown = bytes_.masked_fill(torch.from_numpy(hidden), MASK)
    return Masked(shown, bytes_)


def draw(split: Split, count: int, *seeds: int) -> Masked:
    """Draw passages of a split, with their masks."""
    windows = passages(DOMAIN, split, count, LENGTH, *seeds)[:, :-1]
    random = np.random.default_rng(np.random.SeedSequence(seeds[0], spawn_key=(5, *seeds[1:])))
    return masked(np.ascontiguousarray(windows), random)


def bound(logits: Tensor, given: Masked) -> Tensor:
    """Return the bound on nats a byte of each passage, [B]: the mean loss over its hidden bytes.

    The weight 1 / r of a passage with the share r hidden, times its r T hidden bytes over T, is that mean.
    """
    odds = logits.float().log_softmax(-1).gather(-1, given.bytes[..., None])[..., 0]
    hidden = given.hidden
    return -(odds * hidden).sum(1) / hidden.sum(1)

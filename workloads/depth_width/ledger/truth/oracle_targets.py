"""What the oracles of Duo-LLM search by: targets, which no method may hold.

A batch is tried along every pattern of a set (`pattern_search.py`) and each position notes its loss
under each. `options` are then the choice: by position, each its own best; by segment, what loses
least at the segment's `=`. Random targets in place of the answers show what a search gains by luck.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger.substrate.duo import pattern_search as study
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import Duo
from adabench.workloads.depth_width.ledger.substrate.duo.pattern_search import Pattern, Scene
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.stream import EQUAL, MODULUS, VALUE, Corpus
from adabench.workloads.depth_width.substrate.work_counter import Work

TILE = 16

Groups = Callable[[Tensor], Tensor]
"""Tokens [B, T] -> group numbers [B, T]."""


@dataclass(frozen=True)
class Tried:
    """A batch along every pattern of a set."""

    patterns: Sequence[Pattern]
    table: Tensor
    """[patterns, sequences, tokens], the losses."""
    logits: Tensor
    """[sequences, tokens, classes], each position's under the pattern that is best for it."""

    @property
    def options(self) -> Tensor:
        """Each position's best pattern, [layers, sequences, tokens]; ties go to the first."""
        return study.chosen(self.patterns, self.table.argmin(0))

    def by_segment(self, tokens: Tensor) -> Tensor:
        """Each segment's pattern that loses least at its `=`, [layers, sequences, tokens].

        A segment that is cut off has nothing to be chosen by and takes the first.
        """
        group = study.segments(tokens)
        at_equal = torch.where(tokens == EQUAL, self.table, 0.0)
        summed = self.table.new_zeros(*self.table.shape[:2], int(group.max()) + 1)
        summed.scatter_add_(2, group.expand_as(self.table), at_equal)
        return study.chosen(self.patterns, summed.argmin(0).gather(1, group))


@dataclass(frozen=True)
class Reading:
    """A head that reads final normed states, and its targets [sequences, tokens]."""

    head: nn.Module
    wanted: Tensor


Stage = Sequence[tuple[slice, Scene]]
"""The scenes of a batch, each with its sequences."""


def scenes(duo: Duo, tokens: Tensor, groups: Groups) -> Stage:
    """Set the scenes of tokens [n, T], a tile each."""
    with torch.inference_mode(), one_thread():
        tiles = [slice(first, first + TILE) for first in range(0, len(tokens), TILE)]
        return [
            (rows, study.scene(duo, tokens[rows], groups(tokens[rows]), Work())) for rows in tiles
        ]


def tried(stage: Stage, patterns: Sequence[Pattern], *readings: Reading) -> tuple[Tried, ...]:
    """Try every pattern once; return what each reading found."""
    tables = [torch.empty(len(patterns), *reading.wanted.shape) for reading in readings]
    logits: list[list[Tensor]] = [[] for _ in readings]
    with torch.inference_mode(), one_thread():
        for rows, there in stage:
            least = [torch.full(reading.wanted[rows].shape, torch.inf) for reading in readings]
            said = [torch.empty(0) for _ in readings]
            for number, states in study.leaves(there, patterns):
                normed = there.duo.model.norm(states)
                for i, reading in enumerate(readings):
                    found = reading.head(normed)
                    lost = tables[i][number, rows] = loss(found, reading.wanted[rows])
                    better = (lost < least[i])[..., None]
                    said[i] = torch.where(better, found, said[i]) if len(said[i]) else found
                    least[i] = torch.minimum(lost, least[i])
            for kept, best in zip(logits, said, strict=True):
                kept.append(best)
    pairs = zip(tables, logits, strict=True)
    return tuple(Tried(patterns, table, torch.cat(kept)) for table, kept in pairs)


def loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Return the cross-entropy of each position, [sequences, tokens]."""
    each = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none")
    return each.view_as(wanted)


def next_tokens(corpus: Corpus, wrong: int | None = None) -> Tensor:
    """Return the next tokens; with `wrong`, a seed, other values in place of the answers."""
    found = corpus.targets.copy()
    if wrong is not None:
        shift = np.random.Generator(np.random.PCG64(wrong)).integers(1, MODULUS, found.shape)
        answers = corpus.labels.of("equal")
        found[answers] = (VALUE + (found - VALUE + shift) % MODULUS)[answers]
    return torch.from_numpy(found)


def running_values(corpus: Corpus) -> Tensor:
    """Return the running value at operands, 0 elsewhere."""
    return torch.from_numpy(corpus.labels.running).clamp_min(0)


def along(stage: Stage, options: Tensor) -> Tensor:
    """Return logits with every group on its given options [layers, sequences, tokens]."""
    with torch.inference_mode(), one_thread():
        return torch.cat(
            [
                there.duo.model.head(
                    there.duo.model.norm(study.apart(there, options[:, rows], Work()))
                )
                for rows, there in stage
            ]
        )


def all_big(stage: Stage) -> Tensor:
    """Return final normed states with big modules everywhere, [sequences, tokens, d]."""
    with torch.inference_mode():
        return torch.cat([there.duo.model.norm(there.final) for _, there in stage])

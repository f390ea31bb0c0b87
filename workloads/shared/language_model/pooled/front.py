"""The rows of one decode of the pooled engine, which leave one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.pooled.pool import Ints


@dataclass(frozen=True)
class Rows:
    """Words that are run together, one behind each of some positions."""

    words: Sequence[int]
    before: Sequence[int]
    """The word before each, which models with a table of them read."""
    held: Ints
    """How many positions of its sequence each reads, without itself."""
    turns: Ints
    """Their rotary places: as many, but for sequences that were merged."""
    segments: Sequence[int]
    """Of what each is a part, for models that tell it apart."""


@dataclass
class Front:
    """The rows of one decode: their sequences, masks [rows, columns], and what is known of draws."""

    seqs: list[Seq]
    mask: Tensor
    ends: dict[Seq, int]
    """The length that each does not grow beyond."""
    words: dict[Seq, Tensor]
    """The words [V] that each may draw; nothing where it may draw all."""
    draws: dict[Seq, list[tuple[float, ...]]]
    """Log-probability, entropy and confidence of each word drawn."""

    def keep(self, rows: Sequence[int]) -> None:
        """Let the other rows go."""
        if len(rows) < len(self.seqs):
            self.seqs = [self.seqs[row] for row in rows]
            self.mask = self.mask[torch.tensor(rows, device=self.mask.device, dtype=torch.long)]

    def keep_going(self, stops: frozenset[int]) -> None:
        """Let go of what has come to a stop, or to its most words."""
        going = [
            row
            for row, seq in enumerate(self.seqs)
            if len(seq.ids) < self.ends[seq] and seq.ids[-1] not in stops
        ]
        self.keep(going)

    @property
    def allowed(self) -> Tensor | None:
        """Return the words [rows, V] that may be drawn; None: all of them."""
        return torch.stack([self.words[seq] for seq in self.seqs]) if self.words else None

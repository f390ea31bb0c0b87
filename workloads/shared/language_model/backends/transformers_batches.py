"""What the transformers engine stores: pieces of sequences, and the batch they are gathered into.

Between calls a sequence is a table of pieces; forks share them. In a call the sequences lie side by
side in a batch that is padded on the left, and what is new of each row becomes a piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from adabench.workloads.shared.language_model.backends.growing_cache import SPARE
from adabench.workloads.shared.language_model.contract import Reading


@dataclass(frozen=True, eq=False)
class Piece:
    """What is stored of consecutive positions of a sequence."""

    keys: Tensor
    """[layers, heads, n, head width], like the values."""
    values: Tensor
    states: Tensor
    """[n, width]"""

    @property
    def memory_bytes(self) -> int:
        """Return the bytes of its tensors, unused rest included."""
        parts = (self.keys, self.values, self.states)
        return sum(part.untyped_storage().nbytes() for part in parts)


@dataclass(eq=False)
class Table:
    """The pieces of one sequence, and the logits [V] after them."""

    pieces: list[Piece] = field(default_factory=list)
    logits: Tensor | None = None

    @property
    def stored(self) -> int:
        """Return how many positions are stored."""
        return sum(len(piece.states) for piece in self.pieces)


@dataclass(eq=False)
class Batch:
    """Sequences side by side while they run; columns are positions, padded on the left."""

    cache: Any
    begin: int
    """Columns before this call."""
    lengths: Tensor
    """Positions of each row, without padding."""
    states: Tensor
    """Final states [rows, new columns, width] of this call."""
    in_memory: int = 0
    """Positions in memory after the latest run: those of pieces and those of this batch."""

    @property
    def columns(self) -> int:
        """Return the columns, padding included."""
        return self.begin + self.states.shape[1]

    @property
    def mask(self) -> Tensor:
        """Return 1 where a column is a position [rows, columns]."""
        places = torch.arange(self.columns, device=self.lengths.device)
        return (places >= self.columns - self.lengths[:, None]).long()

    @property
    def memory_bytes(self) -> int:
        """Return the bytes of its keys, values and states, spare columns included."""
        layers: int = sum(layer.memory_bytes for layer in self.cache.layers)
        return layers + self.states.nbytes

    def narrow(self, rows: Sequence[int]) -> None:
        """Keep some rows."""
        if len(rows) < len(self.lengths):
            self.choose(rows)

    def choose(self, rows: Sequence[int]) -> None:
        """Take these rows, in this order; one that is named twice is copied."""
        chosen = torch.tensor(rows, dtype=torch.long, device=self.lengths.device)
        if self.columns:
            self.cache.batch_select_indices(chosen)
        self.lengths, self.states = self.lengths[chosen], self.states[chosen]

    def piece(self, row: int) -> Piece:
        """Return a copy of the new positions of a row."""
        keys, values = (
            torch.stack([getattr(layer, name)[row, :, self.begin :] for layer in self.cache.layers])
            for name in ("keys", "values")
        )
        return Piece(keys, values, self.states[row].clone())


def padded(tables: Sequence[Table], columns: int) -> tuple[Tensor, Tensor]:
    """Return keys and values [layers, rows, heads, columns and spare ones, head width]."""
    some = next(piece for table in tables for piece in table.pieces)
    both = []
    for like, name in ((some.keys, "keys"), (some.values, "values")):
        layers, heads, _, width = like.shape
        filled = like.new_empty((layers, len(tables), heads, columns + SPARE, width))
        for row, table in enumerate(tables):
            place = columns - table.stored
            # A product with padding is masked; it must be a number.
            filled[:, row, :, :place] = 0
            for piece in table.pieces:
                part = getattr(piece, name)
                filled[:, row, :, place : place + part.shape[2]] = part
                place += part.shape[2]
        both.append(filled)
    return both[0], both[1]


def alike(parts: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the places of parts of equal length together; empty ones are left out."""
    lengths = sorted({len(part) for part in parts} - {0})
    return [[row for row, part in enumerate(parts) if len(part) == length] for length in lengths]


def reading(table: Table, later: Tensor, words: Sequence[int]) -> Reading:
    """Return how probable words are behind a sequence, by the logits [n, V] after each of them."""
    assert table.logits is not None
    logs = torch.cat((table.logits[None], later[:-1])).double().log_softmax(-1)
    own = logs[range(len(words)), list(words)]
    return Reading(tuple(own.tolist()), tuple(logs.amax(-1).tolist()))

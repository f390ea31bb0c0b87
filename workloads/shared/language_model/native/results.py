"""What the compiled decoding loop gives back for a batch of sequences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adabench.workloads.shared.language_model.contract import Chunk, Finish
from adabench.workloads.shared.language_model.native.kv_blocks import Ints
from adabench.workloads.shared.language_model.vocabulary import EOS


@dataclass(frozen=True)
class DecodedBatch:
    """Arrays with a row for each sequence and a column for each step."""

    spare: Ints
    """Blocks [sequences, n] that were lent; the first `lent` of each row are used."""
    words: Ints
    chances: Any
    counts: Ints
    lent: Ints
    ran: Ints
    """Rows run after each step."""
    stamps: Any
    """Monotonic time in seconds at which the words of each step were known."""
    spent: bool
    sure: Any
    """Entropies and confidences [2, sequences, steps]; without a step where nothing was watched."""

    def chunks(self, stop: frozenset[int]) -> list[Chunk]:
        """Return what each sequence got."""
        each = (self.words, self.chances, *self.sure)
        rows = zip(*(array.tolist() for array in each), self.counts.tolist(), strict=True)
        return [
            Chunk(
                tuple(words[:count]),
                tuple(chances[:count]),
                _finish(words[:count], stop, spent=self.spent),
                tuple(entropies[:count]),
                tuple(confidences[:count]),
            )
            for words, chances, entropies, confidences, count in rows
        ]


def add_rows(ran: Sequence[Ints]) -> Ints:
    """Add the rows per step of parts that ran side by side."""
    total = np.zeros(max((len(part) for part in ran), default=0), np.int64)
    for part in ran:
        total[: len(part)] += part
    return total


def _finish(ids: Sequence[int], stop: frozenset[int], *, spent: bool) -> Finish:
    if ids and (ids[-1] in stop or ids[-1] == EOS):
        return "stop"
    return "budget" if spent else "length"

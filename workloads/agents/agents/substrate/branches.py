"""Branches on an engine as the server of agents uses them, and how long the engine ran.

`cached_branches.py` has those of our own engine, `text_branches.py` those of any other.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Generic, TypeVar

from adabench.workloads.shared.language_model.contract import Chunk, Engine, Floats, Seq

E = TypeVar("E", bound=Engine)


class Branches(ABC, Generic[E]):
    """Branches of all requests; `reuse` says whether what was read stays."""

    def __init__(self, engine: E, *, reuse: bool) -> None:
        self._engine, self._reuse = engine, reuse
        self.prefill_s = self.decode_s = 0.0

    @property
    def model_s(self) -> float:
        """Return how long the model ran."""
        return self.prefill_s + self.decode_s

    @abstractmethod
    def open(self, prompt: Sequence[int], forced: Sequence[int], key: int) -> Seq:
        """Return a branch that holds a prompt, and words that are forced behind it."""

    def fork(self, seq: Seq, count: int) -> list[Seq]:
        """Return copies that share what is stored."""
        return self._engine.fork(seq, count)

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Put words onto branches: they are read now, or with all others when a call begins."""
        if not self._reuse:
            for seq, part in zip(seqs, parts, strict=True):
                seq.ids.extend(part)
            return
        began_s = perf_counter()
        self._engine.append(seqs, parts)
        self.prefill_s += perf_counter() - began_s

    @abstractmethod
    def begin_call(self, seq: Seq) -> None:
        """Make a branch ready to be decoded."""

    def decode(
        self, seqs: Sequence[Seq], stop: frozenset[int], most: Sequence[int], temperature: float
    ) -> list[Chunk]:
        """Draw words on each."""
        began_s, room = perf_counter(), self._room(most)
        chunks = self._engine.decode(seqs, stop=stop, max_new=room, temperature=temperature)
        self.decode_s += perf_counter() - began_s
        return chunks

    @abstractmethod
    def _room(self, most: Sequence[int]) -> Any:
        """Return what the engine takes for `max_new`, where each branch has room for so many words."""

    def states(self, seqs: Sequence[Seq]) -> list[Floats]:
        """Return the state behind the last word of each."""
        return [self._engine.hidden(seq, len(seq.ids) - 1)[0] for seq in seqs]

    def close(self, seqs: Sequence[Seq]) -> None:
        """Free what nobody else shares."""
        for seq in seqs:
            self._engine.close(seq)

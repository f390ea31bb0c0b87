"""Branches on whatever engine a named model has: of Hugging Face's, or behind a server.

It stands in for `cached_branches.py`, with what all engines can do. A server reads a whole prefix with each
request, and its own cache says what it spared.
"""

from collections.abc import Sequence
from time import perf_counter

from adabench.workloads.shared.language_model.contract import Chunk, Engine, Floats, Seq


class TextBranches:
    """An engine as the server of agents uses it, and how long it ran."""

    def __init__(self, engine: Engine, *, reuse: bool) -> None:
        self._engine, self._reuse = engine, reuse
        self._holds = "held" in engine.caps
        self._fresh: set[Seq] = set()
        """Branches that were opened, and had no call yet."""
        self.prefill_s = self.decode_s = 0.0

    @property
    def model_s(self) -> float:
        """Return how long the model ran."""
        return self.prefill_s + self.decode_s

    def open(self, prompt: Sequence[int], forced: Sequence[int], key: int) -> Seq:
        """Return a branch that holds a prompt, and words that are forced behind it."""
        began_s = perf_counter()
        seq = self._engine.open(prompt, key)
        self._engine.append([seq], [forced])
        self.prefill_s += perf_counter() - began_s
        self._fresh.add(seq)
        return seq

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

    def begin_call(self, seq: Seq) -> None:
        """Make a branch ready to be decoded; a server reads its words with the request."""
        if self._reuse or seq in self._fresh or not self._holds:
            self._fresh.discard(seq)
            return
        began_s = perf_counter()
        self._engine.close(seq)
        seq.cache = self._engine.open(seq.ids, seq.key).cache
        self.prefill_s += perf_counter() - began_s

    def decode(
        self, seqs: Sequence[Seq], stop: frozenset[int], most: Sequence[int], temperature: float
    ) -> list[Chunk]:
        """Draw words on each, no more than the one with the least room has."""
        began_s = perf_counter()
        chunks = self._engine.decode(seqs, stop=stop, max_new=min(most), temperature=temperature)
        self.decode_s += perf_counter() - began_s
        return chunks

    def states(self, seqs: Sequence[Seq]) -> list[Floats]:
        """Return the state behind the last word of each."""
        return [self._engine.hidden(seq, len(seq.ids) - 1)[0] for seq in seqs]

    def close(self, seqs: Sequence[Seq]) -> None:
        """Free what nobody else shares."""
        for seq in seqs:
            self._engine.close(seq)

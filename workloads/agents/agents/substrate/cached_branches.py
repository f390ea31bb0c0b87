"""Branches in an engine's cache, with and without reuse of what was read before.

    cache on     what an episode has read stays: a call reads what a tool has said since
    cache off    each call reads its whole context anew, as a server without a prefix cache does

Both really run: with the cache off, the keys and values of a branch are dropped when a call begins, and its
words are run again. Requests share nothing: a prompt begins at its first word, whoever else is served.
"""

from collections.abc import Sequence
from time import perf_counter

from adabench.workloads.shared.language_model.contract import Chunk, Floats, Seq
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.native.kv_blocks import Table


class CachedBranches:
    """An engine as the server of agents uses it, and how long it ran."""

    def __init__(self, engine: NativeEngine, *, reuse: bool) -> None:
        self._engine, self._reuse = engine, reuse
        self.prefill_s = self.decode_s = 0.0

    @property
    def model_s(self) -> float:
        """Return how long the model ran."""
        return self.prefill_s + self.decode_s

    def open(self, prompt: Sequence[int], forced: Sequence[int], key: int) -> Seq:
        """Return a branch that holds a prompt, and words that are forced behind it."""
        ids = (*prompt, *forced)
        seq = self._read(ids, key) if self._reuse else Seq(list(ids), 0, key, cache=Table())
        seq.start = len(prompt)
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
        """Make a branch ready to be decoded."""
        if not self._reuse and seq.cache.stored:
            self._engine.close(seq)
        if not seq.cache.stored:
            seq.cache = self._read(seq.ids, seq.key).cache

    def decode(
        self, seqs: Sequence[Seq], stop: frozenset[int], most: Sequence[int], temperature: float
    ) -> list[Chunk]:
        """Draw words on each."""
        began_s = perf_counter()
        chunks = self._engine.decode(seqs, stop=stop, max_new=list(most), temperature=temperature)
        self.decode_s += perf_counter() - began_s
        return chunks

    def states(self, seqs: Sequence[Seq]) -> list[Floats]:
        """Return the state behind the last word of each."""
        for seq in seqs:
            if seq.cache.stored < len(seq.ids):
                self.begin_call(seq)
        return [self._engine.hidden(seq, len(seq.ids) - 1)[0] for seq in seqs]

    def close(self, seqs: Sequence[Seq]) -> None:
        """Free what nobody else shares."""
        for seq in seqs:
            self._engine.close(seq)

    def _read(self, ids: Sequence[int], key: int) -> Seq:
        """Run words from the first one on; what other requests have stored is not looked for."""
        began_s = perf_counter()
        seq = self._engine.open(ids[:1], key)
        self._engine.append([seq], [ids[1:]])
        self.prefill_s += perf_counter() - began_s
        return seq

"""Branches in an engine's cache, with and without reuse of what was read before.

    cache on     what an episode has read stays: a call reads what a tool has said since
    cache off    each call reads its whole context anew, as a server without a prefix cache does

Both really run: with the cache off, the keys and values of a branch are dropped when a call begins, and its
words are run again. Requests share nothing: a prompt begins at its first word, whoever else is served.
"""

from collections.abc import Sequence
from time import perf_counter

from adabench.workloads.agents.agents.substrate.branches import Branches
from adabench.workloads.shared.language_model.contract import Floats, Seq
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.native.kv_blocks import Table


class CachedBranches(Branches[NativeEngine]):
    """Branches of our own engine."""

    def open(self, prompt: Sequence[int], forced: Sequence[int], key: int) -> Seq:
        """Return a branch that holds a prompt, and words that are forced behind it."""
        ids = (*prompt, *forced)
        seq = self._read(ids, key) if self._reuse else Seq(list(ids), 0, key, cache=Table())
        seq.start = len(prompt)
        return seq

    def begin_call(self, seq: Seq) -> None:
        """Make a branch ready to be decoded."""
        if not self._reuse and seq.cache.stored:
            self._engine.close(seq)
        if not seq.cache.stored:
            seq.cache = self._read(seq.ids, seq.key).cache

    def _room(self, most: Sequence[int]) -> list[int]:
        return list(most)

    def states(self, seqs: Sequence[Seq]) -> list[Floats]:
        """Return the state behind the last word of each, read now if it was not yet."""
        for seq in seqs:
            if seq.cache.stored < len(seq.ids):
                self.begin_call(seq)
        return super().states(seqs)

    def _read(self, ids: Sequence[int], key: int) -> Seq:
        """Run words from the first one on; what other requests have stored is not looked for."""
        began_s = perf_counter()
        seq = self._engine.open(ids[:1], key)
        self._engine.append([seq], [ids[1:]])
        self.prefill_s += perf_counter() - began_s
        return seq

"""Branches on whatever engine a named model has: of Hugging Face's, or behind a server.

It stands in for `cached_branches.py`, with what all engines can do. A server reads a whole prefix with each
request, and its own cache says what it spared.
"""

from collections.abc import Sequence
from time import perf_counter

from adabench.workloads.agents.agents.substrate.branches import Branches
from adabench.workloads.shared.language_model.contract import Engine, Seq


class TextBranches(Branches[Engine]):
    """Branches of any engine: no more words are drawn than the one with the least room has."""

    def __init__(self, engine: Engine, *, reuse: bool) -> None:
        super().__init__(engine, reuse=reuse)
        self._holds = "held" in engine.caps
        self._fresh: set[Seq] = set()
        """Branches that were opened, and had no call yet."""

    def open(self, prompt: Sequence[int], forced: Sequence[int], key: int) -> Seq:
        """Return a branch that holds a prompt, and words that are forced behind it."""
        began_s = perf_counter()
        seq = self._engine.open(prompt, key)
        self._engine.append([seq], [forced])
        self.prefill_s += perf_counter() - began_s
        self._fresh.add(seq)
        return seq

    def begin_call(self, seq: Seq) -> None:
        """Make a branch ready to be decoded; a server reads its words with the request."""
        if self._reuse or seq in self._fresh or not self._holds:
            self._fresh.discard(seq)
            return
        began_s = perf_counter()
        self._engine.close(seq)
        seq.cache = self._engine.open(seq.ids, seq.key).cache
        self.prefill_s += perf_counter() - began_s

    def _room(self, most: Sequence[int]) -> int:
        return min(most)

"""An engine that has read the worked examples before the first question, and what each word was worth.

    engine = SharedPrefix(engine, prefixes)
    engine.fill()                                   once, before any method's process is forked

**The prefix.** All questions of a group begin with the same words. Their keys and values are computed
once, and a case that opens a prompt goes on from them, as a server with a prefix cache does: `cached`
counts the words that were there, `prefilled` those that were not, and FLOPs are of the latter. The
prefix itself is in no case's costs; its keys and values are in `kv_*`, once, since they are held.

**Log-probabilities** of the words drawn are written down beside each sequence, so that a judge by
likelihood asks for nothing a second time.
"""

import math
from collections.abc import Sequence
from copy import copy
from typing import Any, Protocol, cast

from adabench.workloads.shared.language_model.batched.session_models import SessionModels
from adabench.workloads.shared.language_model.contract import (
    TO_THE_END,
    CacheSize,
    Capability,
    Chunk,
    ControlledEngine,
    Costs,
    Engine,
    Floats,
    Reading,
    Seq,
)
from adabench.workloads.shared.language_model.flop_formula import Formula

Words = tuple[int, ...]
ENDLESS = 1 << 30


class ReadingEngine(Engine, Protocol):
    """An engine that says how probable forced words are while it runs them."""

    def read(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[Reading]:
        """Run forced words, as `append` does, and return how probable the model finds them."""
        ...


class SharedPrefix:
    """An engine with prefixes that were read beforehand; in all else it is the engine."""

    def __init__(self, engine: Engine, prefixes: Sequence[Words]) -> None:
        self._engine = engine
        self.name, self.vocabulary = engine.name, engine.vocabulary
        self.caps: frozenset[Capability] = engine.caps
        self.costs = engine.costs
        # Whoever cannot show what is held cannot share it here either: a server has its own cache.
        longest_first = sorted({tuple(p) for p in prefixes if p}, key=len, reverse=True)
        self._prefixes = tuple(longest_first) if "held" in engine.caps else ()
        self._read: dict[Words, Seq] = {}
        self._chances: dict[Seq, tuple[float, ...]] = {}

    @property
    def context(self) -> int:
        """Return the most words that the model reads."""
        return int(getattr(self._engine, "context", ENDLESS))

    @property
    def formula(self) -> Formula | None:
        """Return what the work of the model is counted by; None where nobody sees it."""
        found: Formula | None = getattr(self._engine, "formula", None)
        return found

    def of_session(self, models: SessionModels) -> "SharedPrefix":
        """Return one with readings of its own, for one of several sessions side by side."""
        self.fill()  # once for all of them
        own = copy(self)
        own._engine = models.view(self._engine)
        own._chances = {}
        return own

    def fill(self) -> None:
        """Read all prefixes that were not; nobody pays for that."""
        for prefix in self._prefixes:
            if prefix not in self._read:
                self._engine.reset(Costs())
                self._read[prefix] = self._engine.open(prefix)

    def reset(self, costs: Costs) -> None:
        """Forget every sequence but the prefixes, and count into `costs` from here on."""
        self._chances.clear()
        self.fill()  # on a device only the process that uses it can
        self._engine.reset(costs)
        self.costs = costs

    def open(self, prompt: Sequence[int], key: int = 0) -> Seq:
        """Return a sequence that holds a prompt, from what is there of it."""
        words = tuple(prompt)
        prefix = next((p for p in self._read if words[: len(p)] == p and words != p), None)
        if prefix is None:
            return self._engine.open(words, key)
        (seq,) = self._engine.fork(self._read[prefix], 1)
        seq.key, seq.start, seq.parent = key, len(words), None
        self._engine.append([seq], [words[len(prefix) :]])
        self.costs.meter["cached"] += len(prefix)
        return seq

    def chances(self, seq: Seq) -> tuple[float, ...]:
        """Return the log-probability of each word of a completion; NaN for one that was forced."""
        return self._chances.get(seq, ())

    def fork(self, seq: Seq, n: int) -> list[Seq]:
        """Return n children that share everything up to here."""
        children = self._engine.fork(seq, n)
        if seq in self._chances:
            self._chances.update(dict.fromkeys(children, self._chances[seq]))
        return children

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Add forced words to each sequence; nobody drew them, so they have no log-probability."""
        self._engine.append(seqs, parts)
        for seq, part in zip(seqs, parts, strict=True):
            self._chances[seq] = self.chances(seq) + (math.nan,) * len(part)

    def read(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[Reading]:
        """Run forced words and return how probable the model finds them; `chances` has that too.

        The engine must be one that can (`ReadingEngine`); those of transformers are.
        """
        found = cast(ReadingEngine, self._engine).read(seqs, parts)
        for seq, reading in zip(seqs, found, strict=True):
            self._chances[seq] = self.chances(seq) + reading.logprobs
        return found

    def decode(
        self,
        seqs: Sequence[Seq],
        *,
        stop: frozenset[int] = TO_THE_END,
        max_new: int | Sequence[int],
        temperature: float = 1.0,
        top_p: float = 1.0,
        **options: Any,
    ) -> list[Chunk]:
        """Sample on from each sequence; see `ControlledEngine.decode`."""
        engine = cast(ControlledEngine, self._engine)  # whatever of it was asked for
        chunks = engine.decode(
            seqs, stop=stop, max_new=max_new, temperature=temperature, top_p=top_p, **options
        )
        for seq, chunk in zip(seqs, chunks, strict=True):
            self._chances[seq] = self.chances(seq) + tuple(chunk.logprobs)
        return chunks

    def score(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return log-probabilities of forced continuations; the sequences stay as they were."""
        return self._engine.score(seqs, parts)

    def hidden(self, seq: Seq, start: int) -> Floats:
        """Return the final states [n, width] of positions start and later."""
        return self._engine.hidden(seq, start)

    def close(self, seq: Seq) -> None:
        """Let go of a sequence; what nobody else shares is freed."""
        self._chances.pop(seq, None)
        self._engine.close(seq)

    def held(self) -> CacheSize:
        """Return what the cache holds now."""
        return self._engine.held()

"""Runs sessions on the native engine: one cache, one compiled call for what several sessions ask for.

Every row is computed alone, so a session's words and log-probabilities are those that it gets without others, bit for bit; it counts its
own blocks. Draws from a budget, and among allowed words, are not batched.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from adabench.workloads.shared.language_model.batched.batched_sessions import BatchedSessions
from adabench.workloads.shared.language_model.contract import Costs, Floats, Seq
from adabench.workloads.shared.language_model.draw_options import DrawOptions
from adabench.workloads.shared.language_model.native import decoder
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.native.kv_blocks import Blocks, Ints
from adabench.workloads.shared.language_model.native.results import DecodedBatch
from adabench.workloads.shared.language_model.vocabulary import EOS

MOST_DRAWS, MOST_ROWS = 32, 256
"""Sequences of a common decode, and words of a common forward: more fall out of a core's cache."""
Spans = Sequence[tuple[int, int]]


class Decoding(NamedTuple):
    """What a session wants decoded."""

    engine: "BatchedNativeEngine"
    seqs: Sequence[Seq]
    options: DrawOptions

    @property
    def rows(self) -> int:
        """Return how many sequences are decoded."""
        return len(self.seqs)


class Forward(NamedTuple):
    """What a session wants run: of each sequence the words of its span."""

    seqs: Sequence[Seq]
    spans: Spans

    @property
    def rows(self) -> int:
        """Return how many words are run."""
        return sum(end - begin for begin, end in self.spans)


class SessionBlocks(Blocks):
    """A session's account of blocks that lie among those of other sessions."""

    def __init__(self, blocks: Blocks) -> None:
        self._own: set[int] = set()
        self.block, self.arrays = blocks.block, blocks.arrays
        self.users, self.filled, self._free = blocks.users, blocks.filled, blocks._free
        self.clear()

    def clear(self) -> None:
        """Free the session's own blocks."""
        for block in self._own:
            self.users[block] = self.filled[block] = 0
            self._free.append(block)
        self._own.clear()
        self._forget_names()

    @property
    def used(self) -> int:
        """Return how many blocks the session holds."""
        return len(self._own)

    def take(self, count: int) -> list[int]:
        """Return `count` blocks that nobody else holds."""
        taken = super().take(count)
        self._own.update(taken)
        return taken

    def _forget(self, block: int) -> None:
        super()._forget(block)
        self._own.discard(block)


class BatchedNativeEngine(NativeEngine):
    """A session's view of an engine: its compiled calls wait for those of other sessions."""

    def __init__(
        self, engine: NativeEngine, sessions: BatchedSessions, batches: "NativeBatches"
    ) -> None:
        vars(self).update(vars(engine))
        self.costs, self.threads = Costs(), 1
        self.blocks = SessionBlocks(engine.blocks)
        self._sessions, self._batches = sessions, batches

    def _drawn(self, parts: Sequence[Sequence[Seq]], options: DrawOptions) -> list[DecodedBatch]:
        self._sessions.note_rows(sum(map(len, parts)))
        return [
            self._sessions.call(self._batches.decode, Decoding(self, part, options))
            for part in parts
        ]

    def _forward(self, seqs: Sequence[Seq], spans: Spans) -> None:
        self._sessions.call(self._batches.forward, Forward(seqs, spans))

    def _product(self, states: Floats) -> Floats:
        return self._sessions.call(self._batches.product, states)


class NativeBatches:
    """Runs what sessions ask of one engine, together where it can be; what the engine held is gone."""

    def __init__(self, engine: NativeEngine) -> None:
        self._engine = engine
        engine.blocks.clear()

    def decode(self, wanted: Sequence[Decoding]) -> list[DecodedBatch]:
        """Decode for each session; draws of one kind are made in one compiled call."""
        kinds: dict[object, list[int]] = {}
        for place, one in enumerate(wanted):
            kinds.setdefault(_draw_kind(one, place), []).append(place)
        found: dict[int, DecodedBatch] = {}
        for places in kinds.values():
            for part in _cut(places, lambda place: wanted[place].rows, MOST_DRAWS):
                batch = self._decode([wanted[place] for place in part])
                found.update(zip(part, batch, strict=True))
        return [found[place] for place in range(len(wanted))]

    def forward(self, wanted: Sequence[Forward]) -> list[None]:
        """Run the words of each session."""
        for part in _cut(range(len(wanted)), lambda place: wanted[place].rows, MOST_ROWS):
            seqs = [seq for place in part for seq in wanted[place].seqs]
            spans = [span for place in part for span in wanted[place].spans]
            NativeEngine._forward(self._engine, seqs, spans)
        return [None] * len(wanted)

    def product(self, states: Sequence[Floats]) -> list[Floats]:
        """Return the logits of each session's states."""
        found = NativeEngine._product(self._engine, np.concatenate(states))
        return np.split(found, np.cumsum([len(own) for own in states])[:-1])

    def _decode(self, wanted: Sequence[Decoding]) -> list[DecodedBatch]:
        """Decode in one call, and give each session its rows."""
        if len(wanted) == 1:
            one = wanted[0]
            return NativeEngine._drawn(one.engine, [one.seqs], one.options)
        engine = self._engine
        seqs = [seq for one in wanted for seq in one.seqs]
        limits = tuple(limit for one in wanted for limit in one.options.limits)
        options = replace(wanted[0].options, limits=limits)
        spare = self._lend(wanted, seqs, engine._ends(seqs, options))
        drawn = DecodedBatch(spare, *decoder.decode(*engine._job(seqs, spare, options)))
        found, begin = [], 0
        for one in wanted:
            end = begin + one.rows
            found.append(_rows(drawn, begin, end))
            begin = end
        return found

    def _lend(self, wanted: Sequence[Decoding], seqs: Sequence[Seq], ends: Sequence[int]) -> Ints:
        """Return blocks [sequences, n] of each session's account, enough for the longest."""
        for one in wanted:
            for seq in one.seqs:
                one.engine.blocks.own_last(seq.cache)
        missing = (
            self._engine._missing(seq.cache, end) for seq, end in zip(seqs, ends, strict=True)
        )
        extra = max(missing, default=0)
        lent = [block for one in wanted for block in one.engine.blocks.take(extra * one.rows)]
        return np.array(lent, np.int64).reshape(len(seqs), extra)


def _draw_kind(one: Decoding, place: int) -> object:
    """Return what draws must share to be made in one call; what cannot share has its place alone."""
    options = one.options
    if one.engine.costs.budget is not None or len(options.masks):
        return place
    return options.stop, options.temperature, options.top_p, options.watch


def _cut(places: Sequence[int], rows: Callable[[int], int], most: int) -> Iterator[list[int]]:
    """Yield places together until they come to so many rows."""
    part: list[int] = []
    size = 0
    for place in places:
        own = rows(place)
        if part and size + own > most:
            yield part
            part, size = [], 0
        part.append(place)
        size += own
    if part:
        yield part


def _rows(drawn: DecodedBatch, begin: int, end: int) -> DecodedBatch:
    """Return what one session gets of a batch, with the rows that it ran itself after each step."""
    words, counts = drawn.words[begin:end], drawn.counts[begin:end]
    ran = np.zeros(int(counts.max(initial=0)), np.int64)
    for row, count in zip(words, counts.tolist(), strict=True):
        ran[: count - (EOS in row[:count])] += 1
    return DecodedBatch(
        drawn.spare[begin:end], words, drawn.chances[begin:end], counts, drawn.lent[begin:end],
        ran, drawn.stamps[: len(ran)], drawn.spent, drawn.sure[:, begin:end],
    )  # fmt: skip

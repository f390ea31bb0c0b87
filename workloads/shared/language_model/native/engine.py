"""Runs our own weights on our own decoder, with a shared-prefix cache that really shares.

    a row at position t     2 P + 4 L d (t + 1)        (P weights outside the embedding, L layers, width d)
    a draw                  2 d V

Rows are counted when run, draws when made: a word that ends a step is run, `<eos>` is not. The final state of every position stays in
its block, so `hidden`, the first draw after a fork and a scorer's head cost no forward. Words do not depend on the threads.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np

from adabench.workloads.shared.language_model.contract import (
    TO_THE_END,
    BudgetSpent,
    CacheSize,
    Capability,
    Chunk,
    Costs,
    Floats,
    Masks,
    Seq,
    mix,
)
from adabench.workloads.shared.language_model.draw_options import DrawOptions, draw_options
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native import decoder
from adabench.workloads.shared.language_model.native.kv_blocks import (
    BLOCK,
    Blocks,
    Ints,
    Table,
    stack_tables,
)
from adabench.workloads.shared.language_model.native.matmul import product
from adabench.workloads.shared.language_model.native.packed_weights import pack
from adabench.workloads.shared.language_model.native.results import DecodedBatch, add_rows
from adabench.workloads.shared.language_model.vocabulary import EOS, OWN_VOCABULARY, PAD

ENOUGH_ROWS = 16
"""Sequences per thread below which another thread costs more than it brings."""
PLENTY = 1 << 60

CAPABILITIES: frozenset[Capability] = frozenset(
    {"fork", "logprobs", "score", "hidden", "held", "exact", "limits", "allow", "watch"}
)


class NativeEngine:
    """A language model behind the engine interface.

    `role` says how it is booked: a policy prefills and its cache is the one that is reported; a
    judge reads. Work counts the same for both.
    """

    def __init__(
        self,
        model: LanguageModel,
        name: str,
        costs: Costs | None = None,
        *,
        threads: int = 1,
        block: int = BLOCK,
        role: Literal["policy", "judge"] = "policy",
        vocabulary: str = OWN_VOCABULARY,
    ) -> None:
        self.name, self.threads, self.role, self.vocabulary = name, threads, role, vocabulary
        self.caps = CAPABILITIES
        self.costs = costs or Costs()
        self.shape: Shape = model.shape
        self.blocks = Blocks(model.shape, block)
        self._weights, self._unembedding = pack(model)

    def reset(self, costs: Costs) -> None:
        """Forget every sequence and count into `costs` from here on."""
        self.costs = costs
        self.blocks.clear()

    def open(self, prompt: Sequence[int], key: int = 0) -> Seq:
        """Return a sequence that holds a prompt; a stored beginning is not run again."""
        self._writable([Seq([], 0, 0)], [prompt])
        table = self.blocks.find(prompt)
        seq = Seq(list(prompt[: table.stored]), len(prompt), key, cache=table)
        if table.stored < len(prompt):
            self.append([seq], [prompt[table.stored :]])
        return seq

    def fork(self, seq: Seq, n: int) -> list[Seq]:
        """Return n children; no key, no value and no state is copied."""
        length = len(seq.ids)
        return [
            Seq(
                ids=list(seq.ids),
                start=seq.start,
                key=mix(seq.key, length, child),
                parent=seq,
                logprob=seq.logprob,
                cache=self.blocks.share(seq.cache),
            )
            for child in range(n)
        ]

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Run forced words, those of all sequences together.

        Raises:
            ValueError: if a sequence has ended or would leave the context.
        """
        self._writable(seqs, parts)
        for seq, part in zip(seqs, parts, strict=True):
            table: Table = seq.cache
            if len(part):
                self.blocks.own_last(table)
            table.blocks += self.blocks.take(self._missing(table, table.stored + len(part)))
            seq.ids.extend(part)
        self._run(seqs)
        read = "prefilled" if self.role == "policy" else "judged"
        self.costs.meter[read] += sum(len(part) for part in parts)
        self.costs.meter["calls"] += 1

    def decode(
        self,
        seqs: Sequence[Seq],
        *,
        stop: frozenset[int] = TO_THE_END,
        max_new: int | Sequence[int],
        temperature: float = 1.0,
        top_p: float = 1.0,
        allow: Masks | None = None,
        watch: int = 0,
    ) -> list[Chunk]:
        """Sample on from each sequence; see `Engine.decode`."""
        options = draw_options(
            len(seqs),
            self.shape.vocabulary,
            stop=stop,
            max_new=max_new,
            temperature=temperature,
            top_p=top_p,
            allow=allow,
            watch=watch,
        )
        self._decodable(seqs)
        held = self.blocks.tokens
        lengths = [len(seq.ids) for seq in seqs]
        parts = self._parts(seqs)
        drawn = self._drawn(parts, options)
        chunks = [
            chunk
            for part, found in zip(parts, drawn, strict=True)
            for chunk in self._taken(part, found, stop)
        ]
        self._book(lengths, chunks, add_rows([found.ran for found in drawn]), held)
        for found in drawn:
            self.costs.seen(found.stamps)
        if any(found.spent for found in drawn):
            raise BudgetSpent
        return chunks

    def score(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return log-probabilities of forced continuations; the sequences stay as they were."""
        copies = [self.fork(seq, 1)[0] for seq in seqs]
        self.append(copies, parts)
        scores: list[list[float]] = []
        for copy, part in zip(copies, parts, strict=True):
            first = len(copy.ids) - len(part) - 1
            logits = self.logits(self.hidden(copy, first)[: len(part)]).astype(np.float64)
            logits -= logits.max(axis=1, keepdims=True)
            logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
            scores.append([float(log[word]) for log, word in zip(logs, part, strict=True)])
            self.close(copy)
        return scores

    def hidden(self, seq: Seq, start: int) -> Floats:
        """Return the final states [n, width] of the stored positions start and later."""
        table: Table = seq.cache
        size = self.blocks.block
        places = np.arange(start, table.stored)
        blocks = np.asarray(table.blocks, np.int64)[places // size]
        return self.blocks.states[blocks, places % size]

    def logits(self, states: Floats) -> Floats:
        """Return the logits [n, V] of final states [n, width], and count the products."""
        found = self._product(states)
        self.costs.meter["flops"] += len(states) * self._draw_flops
        return found

    def _product(self, states: Floats) -> Floats:
        """Multiply states [n, width] by the unembedding."""
        out = np.empty((len(states), self.shape.vocabulary), np.float32)
        product(np.ascontiguousarray(states), self._unembedding, out, len(states))
        return out

    def close(self, seq: Seq) -> None:
        """Let go of a sequence; what nobody else shares is freed."""
        self.blocks.drop(seq.cache.blocks)
        seq.cache = Table()

    def held(self) -> CacheSize:
        """Return what the cache holds now."""
        return CacheSize(self.blocks.tokens, self.blocks.used, self.blocks.memory_bytes)

    @property
    def _draw_flops(self) -> int:
        return 2 * self.shape.width * self.shape.vocabulary

    def _row_flops(self, rows: int, attended: int) -> int:
        return (
            2 * self.shape.parameters * rows + 4 * self.shape.layers * self.shape.width * attended
        )

    def _decodable(self, seqs: Sequence[Seq]) -> None:
        if any(not seq.cache.stored for seq in seqs):
            raise ValueError(
                "A sequence that is empty or closed cannot go on; open it with a word."
            )
        self._writable(seqs, [()] * len(seqs))

    def _writable(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        if any(seq.finished for seq in seqs):
            raise ValueError("A sequence that ended in <eos> cannot go on; fork it before its end.")
        for seq, part in zip(seqs, parts, strict=True):
            if len(seq.ids) + len(part) > self.shape.context:
                raise ValueError(
                    f"{len(seq.ids) + len(part)} tokens exceed the context of "
                    f"{self.shape.context}; give the engine a longer one or stop earlier."
                )
            if len(part) and not 0 <= min(part) <= max(part) < self.shape.vocabulary:
                raise ValueError(
                    f"Word ids are 0..{self.shape.vocabulary - 1}, got {min(part)}..{max(part)}; "
                    "encode the text with this model's vocabulary."
                )

    def _missing(self, table: Table, length: int) -> int:
        """Return the blocks that a table lacks for `length` positions."""
        return -(-length // self.blocks.block) - len(table.blocks)

    def _cache(self) -> tuple[Floats, Floats, Floats]:
        return self.blocks.keys, self.blocks.values, self.blocks.states

    def _run(self, seqs: Sequence[Seq]) -> None:
        """Run every word that is not stored yet, but an ending `<eos>`."""
        spans = [(seq.cache.stored, len(seq.ids) - seq.finished) for seq in seqs]
        self._forward(seqs, spans)
        for seq in seqs:
            self._stored(seq)
        rows = sum(end - begin for begin, end in spans)
        attended = sum((begin + 1 + end) * (end - begin) // 2 for begin, end in spans)
        self.costs.meter["flops"] += self._row_flops(rows, attended)
        self._peak()

    def _forward(self, seqs: Sequence[Seq], spans: Sequence[tuple[int, int]]) -> None:
        """Run of each sequence the words of its span."""
        spans_of = list(zip(seqs, spans, strict=True))
        words = np.array([w for seq, span in spans_of for w in seq.ids[slice(*span)]], np.int64)
        before = np.array([w for seq, span in spans_of for w in _before(seq.ids, *span)], np.int64)
        places = np.concatenate([np.arange(*span) for span in spans] or [np.zeros(0, np.int64)])
        owners = np.repeat(np.arange(len(seqs)), [end - begin for begin, end in spans])
        tables = stack_tables([seq.cache for seq in seqs], 0)
        decoder.forward(self._weights, self._cache(), words, before, places, owners, tables)

    def _stored(self, seq: Seq) -> None:
        """Note that all words but an ending `<eos>` are stored now."""
        table: Table = seq.cache
        before, table.stored = table.stored, len(seq.ids) - seq.finished
        self.blocks.extend(table, before, seq.ids)

    def _parts(self, seqs: Sequence[Seq]) -> list[Sequence[Seq]]:
        """Cut the sequences for the threads; a budget is spent by one thread alone."""
        many = min(self.threads, len(seqs) // ENOUGH_ROWS) if self.costs.budget is None else 1
        each = -(-len(seqs) // max(1, many))
        return [seqs[start : start + each] for start in range(0, len(seqs), max(1, each))]

    def _drawn(self, parts: Sequence[Sequence[Seq]], options: DrawOptions) -> list[DecodedBatch]:
        """Decode the parts side by side."""
        each = len(parts[0]) if parts else 0
        hows = [options.part(i * each, (i + 1) * each) for i in range(len(parts))]
        lent = [
            self._lend(part, self._ends(part, how)) for part, how in zip(parts, hows, strict=True)
        ]
        # After the lending: it may have moved the arrays of the pool.
        jobs = [
            self._job(part, spare, how) for part, spare, how in zip(parts, lent, hows, strict=True)
        ]
        if len(jobs) == 1:
            return [DecodedBatch(lent[0], *decoder.decode(*jobs[0]))]
        with ThreadPoolExecutor(max(1, len(jobs))) as pool:
            found = pool.map(lambda job: decoder.decode(*job), jobs)
            return [DecodedBatch(spare, *one) for spare, one in zip(lent, found, strict=True)]

    def _ends(self, seqs: Sequence[Seq], options: DrawOptions) -> list[int]:
        """Return the length that no sequence grows beyond."""
        limits = zip(seqs, options.limits, strict=True)
        return [min(len(seq.ids) + most, self.shape.context) for seq, most in limits]

    def _lend(self, seqs: Sequence[Seq], ends: Sequence[int]) -> Ints:
        """Return blocks [sequences, n] enough for each to reach its end."""
        for seq in seqs:
            self.blocks.own_last(seq.cache)
        extra = max(
            (self._missing(s.cache, end) for s, end in zip(seqs, ends, strict=True)), default=0
        )
        lent = self.blocks.take(extra * len(seqs))
        return np.array(lent, np.int64).reshape(len(seqs), extra)

    def _job(
        self,
        seqs: Sequence[Seq],
        spare: Ints,
        options: DrawOptions,
    ) -> tuple[Any, ...]:
        """Return the arguments of the compiled loop."""
        stops = np.zeros(self.shape.vocabulary, np.bool_)
        stops[[EOS, *options.stop]] = True
        left = PLENTY if self.costs.left is None else self.costs.left
        return (
            self._weights,
            self._unembedding,
            self._cache(),
            stack_tables([seq.cache for seq in seqs], spare.shape[1]),
            np.array([len(seq.ids) for seq in seqs], np.int64),
            np.array([seq.ids[-1] for seq in seqs], np.int64),
            np.array(self._ends(seqs, options), np.int64),
            np.array([seq.key for seq in seqs], np.uint64),
            stops,
            spare,
            options.masks if len(options.masks) else None,
            options.watch or None,
            (left, options.temperature, options.top_p, EOS),
        )

    def _taken(self, seqs: Sequence[Seq], drawn: DecodedBatch, stop: frozenset[int]) -> list[Chunk]:
        """Write what was drawn onto the sequences; give back the blocks that nobody used."""
        chunks = drawn.chunks(stop)
        unused: list[int] = []
        rows = zip(seqs, chunks, drawn.spare.tolist(), drawn.lent.tolist(), strict=True)
        for seq, chunk, spare, lent in rows:
            seq.ids.extend(chunk.ids)
            seq.logprob += sum(chunk.logprobs)
            seq.cache.blocks += spare[:lent]
            unused += spare[lent:]
            self._stored(seq)
        self.blocks.drop(unused)
        return chunks

    def _book(self, lengths: Sequence[int], chunks: Sequence[Chunk], ran: Ints, held: int) -> None:
        """Count what one decode did; `held` tokens were stored before it."""
        meter = self.costs.meter
        drawn = sum(len(chunk.ids) for chunk in chunks)
        rows, attended = 0, 0
        for length, chunk in zip(lengths, chunks, strict=True):
            run = len(chunk.ids) - (EOS in chunk.ids)
            rows += run
            attended += run * length + run * (run + 1) // 2
        meter["flops"] += self._row_flops(rows, attended) + drawn * self._draw_flops
        meter["generated"] += drawn
        meter["serial_steps"] += max((len(chunk.ids) for chunk in chunks), default=0)
        meter["calls"] += 1
        meter["kv_token_steps"] += int((held + np.cumsum(ran)).sum())
        self._peak()

    def _peak(self) -> None:
        prefix = "kv_peak" if self.role == "policy" else "judge_kv_peak"
        self.costs.peak(prefix, self.blocks.tokens)
        self.costs.peak(f"{prefix}_bytes", self.blocks.memory_bytes)


def _before(ids: Sequence[int], begin: int, end: int) -> Sequence[int]:
    """Return the words before those of a span; before the first stands `<pad>`."""
    return ids[begin - 1 : end - 1] if begin else (PAD, *ids[: max(0, end - 1)])[: max(0, end)]

"""Puts any causal language model of Hugging Face transformers behind the engine interface.

A sequence is a list of pieces that forks share. A call gathers its sequences into one batch padded on the left, where a shared prefix is
copied for every row: `kv_peak` counts both, `idle_flops` the products with padding. A library's product may change its last bits with the
batch, so there is no `exact`. A model goes to a GPU when its first case begins: the process that loads a task is forked.
"""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from adabench.harness.errors import require as imported
from adabench.workloads.shared.language_model.backends.causal_model import (
    NO_END,
    attention,
    matrix_weights,
    model_ends,
    refuse,
)
from adabench.workloads.shared.language_model.backends.growing_cache import growing_cache
from adabench.workloads.shared.language_model.backends.torch_threads import one_core_spare
from adabench.workloads.shared.language_model.backends.transformers_batches import (
    Batch,
    Table,
    alike,
    padded,
    reading,
)
from adabench.workloads.shared.language_model.backends.transformers_draws import Draws
from adabench.workloads.shared.language_model.backends.word_times import word_times
from adabench.workloads.shared.language_model.contract import (
    TO_THE_END,
    BudgetSpent,
    CacheSize,
    Capability,
    Chunk,
    Costs,
    Floats,
    Masks,
    Reading,
    Seq,
    mix,
)
from adabench.workloads.shared.language_model.draw_options import draw_options
from adabench.workloads.shared.language_model.flop_formula import Formula

CAPABILITIES: frozenset[Capability] = frozenset(
    {"fork", "logprobs", "score", "hidden", "held", "limits", "allow", "watch"}
)
ENDLESS = 1 << 30


class TransformersEngine:
    """A loaded model behind the engine interface; it is put into evaluation mode."""

    def __init__(
        self,
        model: Any,
        name: str,
        costs: Costs | None = None,
        *,
        vocabulary: str,
        ends: Iterable[int] | None = None,
        device: torch.device | None = None,
    ) -> None:
        imported("transformers", extra="models")
        self.name, self.caps, self.costs = name, CAPABILITIES, costs or Costs()
        self.vocabulary = vocabulary
        self.model = model.eval()
        refuse(model)
        config = model.config.get_text_config()
        self.ends = model_ends(model) if ends is None else frozenset(ends)
        self.device = device or model.device
        self.context: int = getattr(config, "max_position_embeddings", None) or ENDLESS
        self.row_flops = 2 * matrix_weights(model)
        self.position_flops = attention(config).position_flops
        head = model.get_output_embeddings().weight
        self.head_flops, self.words = 2 * head.numel(), len(head)
        self._width: int = config.hidden_size
        known = inspect.signature(model.forward).parameters
        self._cache_name = "cache" if "cache" in known else "past_key_values"
        self._placed = "position_ids" in known
        self._live: set[Table] = set()

    @property
    def formula(self) -> Formula:
        """Return what a row, a position attended to and a head cost."""
        return Formula(self.row_flops, self.position_flops, self.head_flops)

    def part(self, model: Any, name: str, share: Fraction) -> "TransformersEngine":
        """Return an engine over a part of this one's layers, `share` of them, all of one size."""
        engine = copy(self)
        engine.model, engine.name = model, name
        engine.costs, engine._live = Costs(), set()
        engine.row_flops = int(self.row_flops * share)
        engine.position_flops = int(self.position_flops * share)
        return engine

    def reset(self, costs: Costs) -> None:
        """Forget every sequence and count into `costs` from here on."""
        self.costs = costs
        self._live.clear()
        if self.model.device != self.device:
            self.model.to(self.device)

    def open(self, prompt: Sequence[int], key: int = 0) -> Seq:
        """Return a sequence that holds a prompt.

        Raises:
            ValueError: for a prompt without words.
        """
        if not prompt:
            raise ValueError("A prompt needs at least one word; begin with <bos>.")
        seq = Seq([], len(prompt), key, cache=Table(), eos=min(self.ends, default=NO_END))
        self._live.add(seq.cache)
        self.append([seq], [prompt])
        return seq

    def fork(self, seq: Seq, n: int) -> list[Seq]:
        """Return n children; no key, no value and no state is copied."""
        length = len(seq.ids)
        children = [
            Seq(
                ids=list(seq.ids),
                start=seq.start,
                key=mix(seq.key, length, child),
                parent=seq,
                logprob=seq.logprob,
                cache=Table(list(seq.cache.pieces), seq.cache.logits),
                eos=seq.eos,
            )
            for child in range(n)
        ]
        self._live.update(child.cache for child in children)
        return children

    @one_core_spare()
    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Run forced words, those of equal length together.

        Raises:
            ValueError: if a sequence has ended or would leave the context.
        """
        self._writable(seqs, parts)
        for batch, rows, words in self._forced(seqs, parts):
            logits = self._run(batch, words, keep=1)
            for place, row in enumerate(rows):
                seqs[row].ids.extend(words[place])
                self._store(seqs[row], batch, place, logits[place, -1])
        self._read(parts)

    @one_core_spare()
    def read(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[Reading]:
        """Run forced words, as `append` does, and return how probable the model finds them."""
        self._writable(seqs, parts)
        found = [Reading((), ())] * len(seqs)
        for batch, rows, words in self._forced(seqs, parts):
            later = self._run(batch, words, keep=len(words[0]))
            for place, row in enumerate(rows):
                found[row] = reading(seqs[row].cache, later[place], words[place])
                seqs[row].ids.extend(words[place])
                self._store(seqs[row], batch, place, later[place, -1])
        self._read(parts)
        return found

    @one_core_spare()
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
            self.words,
            stop=stop | self.ends,
            max_new=max_new,
            temperature=temperature,
            top_p=top_p,
            allow=allow,
            watch=watch,
        )
        self._writable(seqs, ())
        draws = Draws(seqs, options, self.context)
        spent = self._loop(seqs, draws)
        chunks = draws.chunks(options.stop, spent=spent)
        self.costs.meter["serial_steps"] += max((len(chunk.ids) for chunk in chunks), default=0)
        self.costs.meter["calls"] += 1
        if spent:
            raise BudgetSpent
        return chunks

    @one_core_spare()
    def score(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return log-probabilities of forced continuations; the sequences stay as they were."""
        self._writable(seqs, parts)
        scores: list[list[float]] = [[] for _ in seqs]
        for batch, rows, words in self._forced(seqs, parts):
            later = self._run(batch, words, keep=len(words[0]))
            for place, row in enumerate(rows):
                scores[row] = list(reading(seqs[row].cache, later[place], words[place]).logprobs)
        self._read(parts)
        return scores

    def hidden(self, seq: Seq, start: int) -> Floats:
        """Return the final states [n, width], after the last norm, of positions start and later."""
        states = torch.cat([piece.states for piece in seq.cache.pieces])[start:]
        return states.float().cpu().numpy()

    def close(self, seq: Seq) -> None:
        """Let go of a sequence; pieces that nobody shares are freed with it."""
        self._live.discard(seq.cache)
        seq.cache = Table()

    def held(self) -> CacheSize:
        """Return what the living sequences refer to between calls, each piece once."""
        pieces = {piece for table in self._live for piece in table.pieces}
        logits = {id(table.logits): table.logits for table in self._live}.values()
        return CacheSize(
            tokens=sum(len(piece.states) for piece in pieces),
            blocks=len(pieces),
            memory_bytes=sum(piece.memory_bytes for piece in pieces)
            + sum(row.nbytes for row in logits if row is not None),
        )

    def _writable(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        if any(seq.finished for seq in seqs):
            raise ValueError("A sequence that has ended cannot go on; fork it before its end.")
        for seq, part in zip(seqs, parts, strict=False):
            if len(seq.ids) + len(part) > self.context:
                raise ValueError(
                    f"{len(seq.ids) + len(part)} tokens exceed the context of {self.context}; "
                    "stop earlier or choose a model with a longer one."
                )

    def _read(self, parts: Sequence[Sequence[int]]) -> None:
        self.costs.meter["prefilled"] += sum(len(part) for part in parts)
        self.costs.meter["calls"] += 1

    def _forced(
        self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]
    ) -> Iterator[tuple[Batch, list[int], list[list[int]]]]:
        """Yield batches of sequences whose forced words are equally many: their rows, and the words."""
        for rows in alike(parts):
            batch = self._gathered([seqs[row] for row in rows])
            yield batch, rows, [list(parts[row]) for row in rows]

    def _gathered(self, seqs: Sequence[Seq]) -> Batch:
        """Copy what is stored of some sequences into one batch."""
        device = self.model.device
        lengths = [seq.cache.stored for seq in seqs]
        columns = max(lengths, default=0)
        keys, values = padded([seq.cache for seq in seqs], columns) if columns else (None, None)
        cache = growing_cache(keys, values, columns)
        states = torch.empty((len(seqs), 0, self._width), dtype=self.model.dtype, device=device)
        return Batch(cache, columns, torch.tensor(lengths, device=device), states)

    @torch.no_grad()
    def _run(self, batch: Batch, words: Sequence[Sequence[int]], *, keep: int) -> Tensor:
        """Run n words of each row; return the logits [rows, keep, V] of the last `keep`."""
        ids = torch.tensor(words, device=self.model.device)
        rows, more = ids.shape
        places = batch.lengths[:, None] + torch.arange(more, device=ids.device)
        attended = int((places + 1).sum())
        batch.lengths = batch.lengths + more
        batch.states = torch.cat((batch.states, batch.states.new_empty(rows, more, self._width)), 1)
        logits, batch.states[:, -more:] = self._forward(batch, ids, places, keep)
        self._book(rows * more, attended, rows * more * batch.columns, rows * keep)
        self._peak(batch)
        return logits

    def _forward(
        self, batch: Batch, ids: Tensor, places: Tensor, keep: int
    ) -> tuple[Tensor, Tensor]:
        """Run the words of a batch; return logits [rows, keep, V] and states [rows, n, width]."""
        return self.forward(batch.cache, ids, places, batch.mask, keep=keep)

    def forward(
        self, cache: Any, ids: Tensor, places: Tensor, mask: Tensor, *, keep: int
    ) -> tuple[Tensor, Tensor]:
        """Run the model; return logits [rows, keep, V] and states [rows, n, width].

        `ids` and `places` [rows, n] are words and their positions; `mask` [rows, columns] is 1 where a
        column of the cache or a word is a position.
        """
        given: dict[str, Any] = {self._cache_name: cache}
        if self._placed:
            given["position_ids"] = places
        out = self.model(
            input_ids=ids, attention_mask=mask, use_cache=True, logits_to_keep=keep,
            output_hidden_states=True, **given,
        )  # fmt: skip
        return out.logits.float(), out.hidden_states[-1]

    def _loop(self, seqs: Sequence[Seq], draws: Draws) -> bool:
        """Draw and run in step; every word goes onto its sequence. Return whether tokens ran out.

        A word that stops is run, since something may follow it; an end is not.
        """
        active = [seq for seq in seqs if not draws.is_full(seq)]
        batch = self._gathered(active)
        logits = torch.stack([seq.cache.logits for seq in active]) if active else torch.empty(0)
        times, spent = word_times(self.model.device), False
        while active:
            left = self.costs.left
            spent = left is not None and left < len(active)
            if spent:
                break
            words = draws.draw(active, logits)
            times.mark()
            self.costs.meter["generated"] += len(active)
            for seq, word in zip(active, words, strict=True):
                seq.ids.append(word)
                if word in self.ends:
                    seq.eos = word
            ended = [row for row, seq in enumerate(active) if seq.ids[-1] in self.ends]
            active = [active[row] for row in self._leave(active, batch, logits, ended)]
            if active:
                logits = self._run(batch, [[seq.ids[-1]] for seq in active], keep=1)[:, -1]
                self.costs.meter["kv_token_steps"] += batch.in_memory
            stopped = [
                row
                for row, seq in enumerate(active)
                if seq.ids[-1] in draws.options.stop or draws.is_full(seq)
            ]
            going = self._leave(active, batch, logits, stopped)
            active, logits = [active[row] for row in going], logits[going]
        self._leave(active, batch, logits, range(len(active)))
        self.costs.seen(times.stamps())
        return spent

    def _leave(
        self, active: Sequence[Seq], batch: Batch, logits: Tensor, gone: Sequence[int]
    ) -> list[int]:
        """Store the sequences of some rows; return the other rows."""
        for row in gone:
            self._store(active[row], batch, row, logits[row])
        stay = [row for row in range(len(active)) if row not in set(gone)]
        batch.narrow(stay)
        return stay

    def _store(self, seq: Seq, batch: Batch, row: int, logits: Tensor) -> None:
        """Copy the new positions of a row, and the logits after them, into the sequence."""
        table: Table = seq.cache
        if batch.columns > batch.begin:
            table.pieces.append(batch.piece(row))
            table.logits = logits.clone()

    def _book(self, rows: int, attended: int, square: int, heads: int) -> None:
        meter = self.costs.meter
        meter["flops"] += self.row_flops * rows + self.position_flops * attended
        meter["flops"] += self.head_flops * heads
        meter["idle_flops"] += self.position_flops * (square - attended)

    def _peak(self, batch: Batch) -> None:
        held = self.held()
        batch.in_memory = held.tokens + len(batch.lengths) * batch.columns
        self.costs.peak("kv_peak", batch.in_memory)
        self.costs.peak("kv_peak_bytes", held.memory_bytes + batch.memory_bytes)

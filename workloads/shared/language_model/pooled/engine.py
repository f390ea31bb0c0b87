"""Attends over trees on any torch device: every position of a tree is stored, and read, once.

All keys and values lie in one pool [layers, heads, positions, head width]; a sequence is a list of positions, and rows attend to the
pool under a mask. What leaves share is read once a layer. Dead positions are packed away before a call; `idle_flops` has products with
masked ones. A row that attends to s positions costs 2 P + 4 L d s, a draw 2 d V. No `exact`: a library's product may change last bits.
"""

import time
from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.shared.language_model.contract import (
    TO_THE_END,
    BudgetSpent,
    CacheSize,
    Capability,
    Chunk,
    Costs,
    Finish,
    Floats,
    Masks,
    Seq,
    mix,
)
from adabench.workloads.shared.language_model.draw_options import DrawOptions, draw_options
from adabench.workloads.shared.language_model.model import Block, LanguageModel, rotate, rotations
from adabench.workloads.shared.language_model.pooled.front import Front, Rows
from adabench.workloads.shared.language_model.pooled.pool import Ints, Places, Pool
from adabench.workloads.shared.language_model.pooled.sampling import Pace, draw_words, sureness
from adabench.workloads.shared.language_model.random_draws import uniform
from adabench.workloads.shared.language_model.vocabulary import EOS, OWN_VOCABULARY, PAD, STEP_END

CAPABILITIES: frozenset[Capability] = frozenset(
    {"fork", "logprobs", "score", "hidden", "held", "limits", "allow", "watch", "merge"}
)


class PooledEngine:
    """A language model behind the engine interface, on the device where its weights are.

    `role` says how it is booked: a policy prefills and its cache is the one that is reported; a
    judge reads.
    """

    def __init__(
        self,
        model: LanguageModel,
        name: str,
        costs: Costs | None = None,
        *,
        role: Literal["policy", "judge"] = "policy",
        vocabulary: str = OWN_VOCABULARY,
        pace: Pace | None = None,
    ) -> None:
        self.name, self.caps, self.role, self.pace = name, CAPABILITIES, role, pace
        self.vocabulary = vocabulary
        self.model, self.shape = model.eval(), model.shape
        self.costs = costs or Costs()
        weight = model.embedding.weight
        self.pool = Pool(model.shape, weight.device, weight.dtype)
        cosine, sine = rotations(model.shape, model.shape.context)
        self._turns = cosine.to(weight), sine.to(weight)

    def reset(self, costs: Costs) -> None:
        """Forget every sequence and count into `costs` from here on."""
        self.costs = costs
        self.pool.clear()

    def open(self, prompt: Sequence[int], key: int = 0) -> Seq:
        """Return a sequence that holds a prompt.

        Raises:
            ValueError: for a prompt without words.
        """
        if not prompt:
            raise ValueError("A prompt needs at least one word; begin with <bos>.")
        seq = Seq([], len(prompt), key, cache=self.pool.table())
        self.append([seq], [prompt])
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
                cache=self.pool.share(seq.cache),
            )
            for child in range(n)
        ]

    def merge(self, seqs: Sequence[Seq]) -> Seq:
        """Return a sequence behind all of these: it reads what they hold, of which nothing is run again.

        What they share is in it once; its next word stands behind the longest of them, as if the others were not there.
        It holds no end of any of them, and its completion begins here.

        Raises:
            ValueError: for no sequence.
        """
        if not seqs:
            raise ValueError("Nothing was handed over to be merged; hand over a sequence at least.")
        cache, first = self.pool.unite([seq.cache for seq in seqs])
        words = [word for seq in seqs for word in seq.ids[: len(seq.cache.places)]]
        cache.segment = seqs[-1].cache.segment
        self._peak()
        return Seq(
            [words[i] for i in first], len(first), mix(*(seq.key for seq in seqs)), cache=cache
        )

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Run forced words, those of all sequences together.

        Raises:
            ValueError: if a sequence has ended or would leave the context.
        """
        self._writable(seqs, [len(part) for part in parts])
        words = [word for part in parts for word in part]
        if words:
            self.pool.pack(len(words))
            owners = np.repeat(np.arange(len(seqs)), [len(part) for part in parts])
            mask = self._causal(seqs, owners)
            pairs = list(zip(seqs, parts, strict=True))
            held = np.concatenate(
                [len(seq.cache.places) + np.arange(len(part)) for seq, part in pairs]
            )
            turns = held - np.array([seq.cache.beside for seq in seqs])[owners]
            before = [word for seq, part in pairs for word in _before(seq, part)]
            segments = [one for seq, part in pairs for one in self._segments(seq, part)]
            self._forward(Rows(words, before, held, turns, segments), mask)
            first = self.pool.used - len(words)
            for row, (seq, part) in enumerate(zip(seqs, parts, strict=True)):
                seq.ids.extend(part)
                self.pool.grow(seq.cache, first + np.flatnonzero(owners == row))
        read = "prefilled" if self.role == "policy" else "judged"
        self.costs.meter[read] += len(words)
        self.costs.meter["calls"] += 1
        self._peak()

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
            stop=stop | {EOS},
            max_new=max_new,
            temperature=temperature,
            top_p=top_p,
            allow=allow,
            watch=watch,
        )
        self._writable(seqs, [0] * len(seqs))
        before = [len(seq.ids) for seq in seqs]
        front, most = self._front(seqs, options)
        spent = self._loop(front, options, most)
        chunks = []
        for seq, length in zip(seqs, before, strict=True):
            ids = tuple(seq.ids[length:])
            chances, *sure = zip(*front.draws[seq], strict=True) if ids else ((),)
            seq.logprob += sum(chances)
            found = sure if options.watch else ()
            chunks.append(Chunk(ids, chances, _finish(ids, stop, spent=spent), *found))
        self.costs.meter["serial_steps"] += max((len(chunk.ids) for chunk in chunks), default=0)
        self.costs.meter["calls"] += 1
        self._peak()
        if spent:
            raise BudgetSpent
        return chunks

    def _front(self, seqs: Sequence[Seq], options: DrawOptions) -> tuple[Front, int]:
        """Return the rows of one decode, and the most words that any of them may get."""
        ends = {
            seq: len(seq.ids) + min(limit, self.shape.context - seq.cache.turn)
            for seq, limit in zip(seqs, options.limits, strict=True)
        }
        most = max((end - len(seq.ids) for seq, end in ends.items()), default=0)
        self.pool.pack(len(seqs) * most)
        masks = torch.from_numpy(options.masks).to(self.pool.keys.device)
        words = {seq: masks[min(i, len(masks) - 1)] for i, seq in enumerate(seqs) if len(masks)}
        mask = self._masks(seqs, len(seqs) * most)
        return Front(list(seqs), mask, ends, words, {seq: [] for seq in seqs}), most

    def score(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return log-probabilities of forced continuations; the sequences stay as they were."""
        copies = [self.fork(seq, 1)[0] for seq in seqs]
        self.append(copies, parts)
        scores = []
        for copy, part in zip(copies, parts, strict=True):
            places = copy.cache.places[-len(part) - 1 : -1]
            logs = self._logits(places).double().log_softmax(-1)
            scores.append([float(log[word]) for log, word in zip(logs, part, strict=True)])
            self.close(copy)
        return scores

    def hidden(self, seq: Seq, start: int) -> Floats:
        """Return the final states [n, width] of the stored positions start and later."""
        states = self.pool.states[self.pool.index(seq.cache.places[start:])]
        return states.float().cpu().numpy()

    def last_states(self, seqs: Sequence[Seq]) -> Tensor:
        """Return the final states [n, width] of each sequence's last position, on the device."""
        return self.pool.states[self.pool.index(_last(seqs))]

    def close(self, seq: Seq) -> None:
        """Let go of a sequence; what nobody else shares is free."""
        self.pool.drop(seq.cache)
        seq.cache = Places()

    def held(self) -> CacheSize:
        """Return what the living sequences refer to, each position once."""
        living = self.pool.living
        return CacheSize(living, living, living * self.pool.position_bytes)

    def _writable(self, seqs: Sequence[Seq], more: Sequence[int]) -> None:
        if any(seq.finished for seq in seqs):
            raise ValueError("A sequence that ended in <eos> cannot go on; fork it before its end.")
        for seq, n in zip(seqs, more, strict=True):
            if seq.cache.turn + n > self.shape.context:
                raise ValueError(
                    f"{seq.cache.turn + n} tokens exceed the context of {self.shape.context}; "
                    "give the model a longer one or stop earlier."
                )

    def _masks(self, seqs: Sequence[Seq], spare: int) -> Tensor:
        """Return [sequences, used + spare]: true where a sequence has a position."""
        mask = np.zeros((len(seqs), self.pool.used + spare), np.bool_)
        for row, seq in enumerate(seqs):
            mask[row, seq.cache.places] = True
        return torch.from_numpy(mask).to(self.pool.keys.device)

    def _causal(self, seqs: Sequence[Seq], owners: Ints) -> Tensor:
        """Return the mask [rows, used + rows] of new words: their sequence, up to themselves."""
        known = self._masks(seqs, 0)[torch.from_numpy(owners).to(self.pool.keys.device)]
        new = np.tril(owners[:, None] == owners[None, :])
        return torch.cat((known, torch.from_numpy(new).to(known.device)), dim=1)

    @torch.no_grad()
    def _forward(self, new: Rows, mask: Tensor) -> None:
        """Run rows behind the pool's end; `mask` is [rows, used + rows], themselves included."""
        device, model = self.pool.keys.device, self.model
        rows, first = len(new.words), self.pool.used
        turns = torch.from_numpy(new.turns).to(device)
        rotation = self._turns[0][turns], self._turns[1][turns]
        h = model.embedding(torch.tensor(new.words, device=device))
        if self.shape.reads_previous:
            h = h + model.previous(torch.tensor(new.before, device=device))
        end = first + rows
        for layer, block in enumerate(cast(list[Block], model.blocks)):
            qkv = block.qkv(block.norm_attention(h)).view(rows, 3, block.heads, -1)
            q, *own = qkv.permute(1, 2, 0, 3)
            k, v = self._read_as(new.segments, layer, own)
            keys, values = self.pool.keys[layer], self.pool.values[layer]
            keys[:, first:end] = rotate(k, rotation)
            values[:, first:end] = v
            mixed = F.scaled_dot_product_attention(
                rotate(q, rotation)[None],
                keys[None, :, :end],
                values[None, :, :end],
                attn_mask=mask[None, None],
            )[0]
            h = h + block.out(mixed.transpose(0, 1).reshape(rows, -1))
            h = h + self._feed_forward(layer, block.norm_mlp(h))
        self.pool.states[first:end] = model.norm(h)
        self.pool.advance(rows)
        attended = int(new.held.sum()) + rows
        unit = 4 * self.shape.layers * self.shape.width
        self.costs.meter["flops"] += 2 * self.shape.parameters * rows + unit * attended
        self.costs.meter["idle_flops"] += unit * (rows * end - attended)

    def _segments(self, seq: Seq, part: Sequence[int]) -> list[int]:
        """Return of what each word is a part that a sequence is to get: of one and the same."""
        del seq
        return [0] * len(part)

    def _read_as(
        self, segments: Sequence[int], layer: int, own: Sequence[Tensor]
    ) -> Sequence[Tensor]:
        """Return the keys and values [heads, n, head width] of rows as others read them."""
        del segments, layer
        return own

    def _feed_forward(self, layer: int, x: Tensor) -> Tensor:
        """Return what a layer's MLP adds to the rows x [n, width] behind the pool's end."""
        return cast(Block, self.model.blocks[layer]).feed_forward(x)

    def _next_logits(self, seqs: Sequence[Seq]) -> Tensor:
        """Return the logits [n, V] of each sequence's next word."""
        return self._logits(_last(seqs))

    def _logits(self, places: Ints) -> Tensor:
        """Return the logits [n, V] after positions, and count the products."""
        states = self.pool.states[self.pool.index(places)]
        self.costs.meter["flops"] += 2 * len(places) * self.shape.width * self.shape.vocabulary
        return F.linear(states, self.model.embedding.weight)

    @torch.no_grad()
    def _loop(self, front: Front, options: DrawOptions, most: int) -> bool:
        """Draw and run in step. Return whether the tokens ran out.

        A word that stops is run, since something may follow it; an end is not.
        """
        front.keep_going(frozenset())
        for _ in range(most):
            left = self.costs.left
            if not front.seqs:
                return False
            if left is not None and left < len(front.seqs):
                return True
            self._draw(front, options)
            front.keep([i for i, seq in enumerate(front.seqs) if seq.ids[-1] != EOS])
            if front.seqs:
                self._advance(front)
            front.keep_going(options.stop)
        return False

    def _draw(self, front: Front, options: DrawOptions) -> None:
        """Put one more word onto every sequence."""
        seqs = front.seqs
        numbers = [uniform(seq.key, len(seq.ids)) for seq in seqs]
        forced = [self._forced(seq) for seq in seqs]
        barred = (STEP_END, EOS) if self.pace else ()
        logits = self._next_logits(seqs)
        words, chances = draw_words(
            logits, numbers, options.temperature, options.top_p, forced, barred, front.allowed
        )
        nothing = [0.0] * len(seqs)
        sure = sureness(logits, options.watch) if options.watch else (nothing, nothing)
        self.costs.seen([time.monotonic()])
        self.costs.meter["generated"] += len(seqs)
        for seq, word, *known in zip(seqs, words, chances, *sure, strict=True):
            seq.ids.append(word)
            front.draws[seq].append(tuple(known))

    def _forced(self, seq: Seq) -> int:
        """Return the word that the pace puts next, or -1."""
        word = self.pace.forced(len(seq.ids) - seq.start) if self.pace else None
        return -1 if word is None else word

    def _advance(self, front: Front) -> None:
        """Run the latest word of every row."""
        rows, first = len(front.seqs), self.pool.used
        own = torch.arange(rows, device=front.mask.device)
        front.mask[own, first + own] = True
        held = np.array([len(seq.cache.places) for seq in front.seqs])
        turns = np.array([seq.cache.turn for seq in front.seqs])
        words, before = ([seq.ids[-k] for seq in front.seqs] for k in (1, 2))
        segments = [one for seq in front.seqs for one in self._segments(seq, seq.ids[-1:])]
        self._forward(Rows(words, before, held, turns, segments), front.mask[:, : first + rows])
        for row, seq in enumerate(front.seqs):
            self.pool.grow(seq.cache, np.array([first + row]))
        self.costs.meter["kv_token_steps"] += self.pool.living

    def _peak(self) -> None:
        prefix = "kv_peak" if self.role == "policy" else "judge_kv_peak"
        self.costs.peak(prefix, self.pool.living)
        self.costs.peak(f"{prefix}_bytes", self.pool.used * self.pool.position_bytes)


def _before(seq: Seq, part: Sequence[int]) -> list[int]:
    """Return the words before those of a part that a sequence is to get."""
    return [seq.ids[-1] if seq.ids else PAD, *part][: len(part)]


def _last(seqs: Sequence[Seq]) -> Ints:
    """Return each sequence's last position."""
    return np.array([seq.cache.places[-1] for seq in seqs], np.int64)


def _finish(ids: Sequence[int], stops: frozenset[int], *, spent: bool) -> Finish:
    if ids and ids[-1] in stops | {EOS}:
        return "stop"
    return "budget" if spent else "length"

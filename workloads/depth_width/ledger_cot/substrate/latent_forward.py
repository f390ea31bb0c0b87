"""A backbone that goes on from a question: in language, in latent steps, or with shortcuts.

    read the question                         all positions, all layers
    latent step   h_0 = norm(state before)    one position; no token is chosen
        for l in 1..L:  if leave(l, h): h = adapter_l(h); stop      the depth shortcut
                        h = f_l(h)
        next step starts at layer 1 from norm(h), or, with the step shortcut, at layer l from h;
        one that was handed over itself may be bound to end where it leaves (`hand_over` = once)
    language step  h_0 = embed(token)         one position, all layers, a greedy token at its end

A layer is called on the rows that run it, gathered; what is skipped **writes no keys or values**. Caches are
ragged (`Cached.counts`), and a position keeps its rotary angle whoever skips it. Three `Books` are kept:
question, latent phase, language phase. An entry of `Work.runs` is (layer, questions).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger_cot.substrate.traces import ANSWER
from adabench.workloads.depth_width.substrate.backbone import Backbone, Layer, rotate
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread, read_out
from adabench.workloads.depth_width.substrate.questions import Questions
from adabench.workloads.depth_width.substrate.work_counter import Work


class Leave(Protocol):
    """Says which rows leave before layer `depth` + 1 of a latent step, and with which state."""

    def __call__(
        self, depth: int, step: int, rows: Tensor, who: Tensor, work: Work, /
    ) -> tuple[Tensor, Tensor] | None:
        """Judge rows [m, d] of questions `who` [m].

        Returns the mask of the rows that leave, [m], and the states they leave with, [left, d];
        None if nobody is asked.
        """
        ...


HandOver = Literal["never", "once", "always"]


@dataclass(frozen=True)
class Shortcut:
    """How latent steps are cut short."""

    leave: Leave
    hand_over: HandOver
    """The step shortcut: the next step starts at the depth where this one left.

    `once`: a step that was handed over itself ends where it leaves, and the next starts at layer 1.
    """
    given: Callable[[Tensor], "Shortcut"] | None = None
    """Where questions have shortcuts of their own: those of some of them."""

    def of(self, who: Tensor) -> "Shortcut":
        """Return the shortcut for questions `who` of all that are asked, [m]."""
        return self if self.given is None else self.given(who)


@dataclass
class Cached:
    """Keys and values of one layer, compact: question i has `counts[i]` of them."""

    keys: Tensor
    """[n, heads, room, e]."""
    values: Tensor
    counts: Tensor
    """[n]."""


@dataclass
class Memory:
    """The caches of a batch, and the place of each question's next position."""

    layers: list[Cached]
    places: Tensor


@dataclass(frozen=True)
class Books:
    """What was done for the questions `who`, phase by phase."""

    who: Tensor
    question: Work = field(default_factory=Work)
    latent: Work = field(default_factory=Work)
    language: Work = field(default_factory=Work)


@dataclass(frozen=True)
class Solution:
    """Answers, and what they took."""

    said: Tensor
    """Answer tokens, [n]; 0 where none was given."""
    spoken: Tensor
    """Language tokens that were generated, the answer among them, [n]."""
    steps: Tensor
    """Latent steps, [n]."""
    exits: Tensor
    """[n, most steps]: layers that ran in each latent step; -1 where there was no such step."""
    books: tuple[Books, ...]
    parameters: int = 0

    def executions(self, phase: str) -> Tensor:
        """Return the layer executions of a phase (a field of `Books`), for each question, [n].

        In the question a layer runs once for every one of its positions.
        """
        ran = torch.zeros(len(self.said), dtype=torch.long)
        for book in self.books:
            for _, rows in getattr(book, phase).runs:
                ran.index_add_(0, book.who[rows], torch.ones_like(rows))
        return ran


def read(
    model: Backbone, tokens: Tensor, lengths: Tensor, room: int, work: Work
) -> tuple[Tensor, Memory]:
    """Run questions [n, T] through all layers; return the states at their ends and the caches."""
    n, length = tokens.shape
    states: Tensor = model.embed(tokens)
    d = states.shape[-1]
    turn = model.cosine[:length, 0], model.sine[:length, 0]
    real = (torch.arange(length) < lengths[:, None]).nonzero()[:, 0]
    memory = Memory([], lengths.clone())
    for index in range(model.shape.layers):

        def attend(layer: Layer, normed: Tensor) -> Tensor:
            qkv = work.linear(layer.qkv, normed).view(n, length, 3, layer.heads, -1)
            q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
            q, k = rotate(q, *turn), rotate(k, *turn)
            kept = [F.pad(part, (0, 0, 0, room)) for part in (k, v)]
            memory.layers.append(Cached(kept[0], kept[1], lengths.clone()))
            work.flops += 4 * q.numel() * length
            context = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return context.transpose(1, 2).reshape(n, length, d)

        work.flops += 2 * n * length * 9 * d * d
        states = model.layer(index)(states, attend)
        work.runs.append((index, real))
    return states[torch.arange(n), lengths - 1], memory


def advance(
    model: Backbone, index: int, rows: Tensor, who: Tensor, memory: Memory, work: Work
) -> Tensor:
    """Run one layer on one new position of questions `who`, [m, d]; keep its keys and values."""
    cache, (m, d) = memory.layers[index], rows.shape
    everybody = m == len(cache.counts)
    at = cache.counts[who]
    longest = int(at.max()) + 1

    def attend(layer: Layer, normed: Tensor) -> Tensor:
        q, k, v = work.linear(layer.qkv, normed).view(m, 3, layer.heads, -1).unbind(1)
        turn = model.cosine[memory.places[who]], model.sine[memory.places[who]]
        cache.keys[who, :, at], cache.values[who, :, at] = rotate(k, *turn), v
        work.moved += 2 * m * d
        parts = [part[:, :, :longest] for part in (cache.keys, cache.values)]
        if not everybody:
            parts = [work.take(part, who) for part in parts]
        mask = None if m == 1 else (torch.arange(longest) <= at[:, None])[:, None, None]
        work.flops += 4 * q.numel() * longest
        context = F.scaled_dot_product_attention(
            rotate(q, *turn)[:, :, None], parts[0], parts[1], attn_mask=mask
        )
        return context.reshape(m, d)

    work.flops += 2 * m * 9 * d * d
    out: Tensor = model.layer(index)(rows, attend)
    cache.counts[who] += 1
    work.runs.append((index, who))
    return out


def think(
    model: Backbone,
    states: Tensor,
    memory: Memory,
    steps: Tensor,
    work: Work,
    shortcut: Shortcut | None = None,
) -> Tensor:
    """Run `steps` [n] latent steps from the states [n, d]; return layers run per step, [n, most].

    The answer phase starts afresh from a token, so no state is returned.
    """
    n, most, layers = len(states), int(steps.max()), model.shape.layers
    ran = torch.full((n, most), -1)
    states, start = model.norm(states), torch.zeros(n, dtype=torch.long)
    for step in range(most):
        active, handed = steps > step, start > 0
        ran[active, step] = 0
        left, went = ~active, active.clone()
        for depth in range(layers):
            who = (~left & (start <= depth)).nonzero()[:, 0]
            if not len(who):
                continue
            rows = states if len(who) == n else work.take(states, who)
            if shortcut is not None:
                who, rows, gone = _leaving(shortcut, depth, step, rows, who, states, start, work)
                left[gone], start[gone] = True, depth
                went[gone] = False
                if not len(who):
                    continue
            out = advance(model, depth, rows, who, memory, work)
            ran[who, step] += 1
            states = out if len(who) == n else _put(states, who, out, work)
        fresh = active & (went | closed(shortcut.hand_over if shortcut else "never", handed))
        start = torch.where(fresh, 0, start)
        states = torch.where(fresh[:, None], model.norm(states), states)
        memory.places = memory.places + active
    return ran


def closed(hand_over: HandOver, handed: Tensor) -> Tensor:
    """Return which steps end where they leave, and hand nothing over, [n]."""
    return handed if hand_over == "once" else torch.full_like(handed, hand_over == "never")


def _leaving(
    shortcut: Shortcut,
    depth: int,
    step: int,
    rows: Tensor,
    who: Tensor,
    states: Tensor,
    start: Tensor,
    work: Work,
) -> tuple[Tensor, Tensor, Tensor]:
    """Let rows leave; write their states in place; return who stays, their rows and who left.

    Before a step has run a layer its state is that of the step before, and it is not asked.
    """
    ran = (start[who] < depth).nonzero()[:, 0]
    asked = rows if len(ran) == len(who) else work.take(rows, ran)
    judged = shortcut.leave(depth, step, asked, who[ran], work) if len(ran) else None
    if judged is None or not bool(judged[0].any()):
        return who, rows, who[:0]
    leaves, out = judged
    stays = torch.ones(len(who), dtype=torch.bool)
    stays[ran[leaves]] = False
    gone, stay = who[~stays], stays.nonzero()[:, 0]
    work.moved += out.numel()
    states[gone] = out
    return who[stay], work.take(rows, stay), gone


def _put(states: Tensor, who: Tensor, rows: Tensor, work: Work) -> Tensor:
    work.moved += rows.numel()
    return states.index_copy(0, who, rows)


def say(model: Backbone, tokens: Tensor, who: Tensor, memory: Memory, work: Work) -> Tensor:
    """Feed one token to each of the questions `who`; return the greedy next tokens, [m]."""
    states: Tensor = model.embed(tokens)
    for index in range(model.shape.layers):
        states = advance(model, index, states, who, memory, work)
    memory.places[who] += 1
    return read_out(model, states, work).argmax(-1)


Continue = Callable[[Tensor, Memory, Books], "Said"]
"""From the states at the questions' ends: what is said."""


GoOn = Callable[[Tensor], Continue]
"""For the questions `who` of a tile, [m]: how those go on."""


@dataclass(frozen=True)
class Said:
    """What a tile of questions came to; the fields are those of `Solution`."""

    said: Tensor
    spoken: Tensor
    steps: Tensor
    exits: Tensor


def solve(
    model: Backbone,
    questions: Questions,
    go_on: GoOn,
    *,
    room: int,
    tile: int,
) -> Solution:
    """Answer questions, `tile` of them together; `go_on(who)` says how those go on."""
    lengths, tokens = torch.from_numpy(questions.lengths), torch.from_numpy(questions.tokens)
    done, books = [], []
    with torch.inference_mode(), one_thread():
        for first in range(0, len(tokens), tile):
            who = torch.arange(first, min(first + tile, len(tokens)))
            book, longest = Books(who), int(lengths[who].max())
            ends, memory = read(model, tokens[who, :longest], lengths[who], room, book.question)
            done.append(go_on(who)(ends, memory, book))
            _stored(memory, book.language)
            books.append(book)
    most = max(part.exits.shape[1] for part in done)
    exits = [F.pad(part.exits, (0, most - part.exits.shape[1]), value=-1) for part in done]
    return Solution(
        torch.cat([part.said for part in done]),
        torch.cat([part.spoken for part in done]),
        torch.cat([part.steps for part in done]),
        torch.cat(exits),
        tuple(books),
        sum(weight.numel() for weight in model.parameters()),
    )


def _stored(memory: Memory, work: Work) -> None:
    work.kv_entries = sum(int(cache.counts.sum()) for cache in memory.layers)
    work.kv_allocated = sum(cache.keys.shape[0] * cache.keys.shape[2] for cache in memory.layers)


def in_words(model: Backbone, limit: int) -> Continue:
    """Speak greedily until the token after `<answer>`, the answer, or for `limit` tokens."""

    def go_on(ends: Tensor, memory: Memory, book: Books) -> Said:
        n = len(ends)
        said, spoken = torch.zeros(n, dtype=torch.long), torch.zeros(n, dtype=torch.long)
        token = read_out(model, ends, book.language).argmax(-1)
        who = torch.arange(n)
        for _ in range(limit):
            spoken[who] += 1
            after = say(model, token, who, memory, book.language)
            over = token == ANSWER
            said[who[over]], spoken[who[over]] = after[over], spoken[who[over]] + 1
            who, token = who[~over], after[~over]
            if not len(who):
                break
        none = torch.zeros(n, dtype=torch.long)
        return Said(said, spoken, none, none[:, None][:, :0])

    return go_on


def in_thought(model: Backbone, steps: Tensor, shortcut: Shortcut | None = None) -> Continue:
    """Think for `steps` [n] latent steps, then be asked for the answer: one language token."""

    def go_on(ends: Tensor, memory: Memory, book: Books) -> Said:
        ran = think(model, ends, memory, steps, book.latent, shortcut)
        return _asked(model, memory, book, steps, ran)

    return go_on


def in_pauses(model: Backbone, steps: Tensor, pause: int) -> Continue:
    """Feed `steps` [n] pause tokens, then ask for the answer; counted as latent steps."""

    def go_on(ends: Tensor, memory: Memory, book: Books) -> Said:
        n, most = len(ends), int(steps.max())
        ran = torch.full((n, most), -1)
        for step in range(most):
            who = (steps > step).nonzero()[:, 0]
            states: Tensor = model.embed(torch.full((len(who),), pause))
            for index in range(model.shape.layers):
                states = advance(model, index, states, who, memory, book.latent)
            memory.places[who] += 1
            ran[who, step] = model.shape.layers
        return _asked(model, memory, book, steps, ran)

    return go_on


def _asked(model: Backbone, memory: Memory, book: Books, steps: Tensor, ran: Tensor) -> Said:
    n = len(steps)
    marks = torch.full((n,), ANSWER)
    said = say(model, marks, torch.arange(n), memory, book.language)
    return Said(said, torch.ones(n, dtype=torch.long), steps, ran)

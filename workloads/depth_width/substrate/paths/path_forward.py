"""A frozen backbone run along a path of layers, another one for each question.

A path is written as *passes*: how often each layer runs, 0 (skip), 1 or 2 (repeat, directly after itself),
[questions, L]. Prefill asks `Decide` layer by layer and runs the layer on those questions alone; the answers are
then decoded along the same path (the released code decides anew in each decoding step).

    for layer:  passes = decide(layer, states, lengths)
        for r in 1, 2:  states[passes >= r] = layer(states[passes >= r])      # gathered, dense

**Keys and values are kept by path position**: slot 2 l + r - 1 belongs to pass r of layer l, and a skipped layer
stores nothing. Prompts are padded on the right; padding is computed and counted, and no answer depends on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate.backbone import Backbone, Layer, rotate
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread, read_out
from adabench.workloads.depth_width.substrate.questions import ANSWERS, Questions
from adabench.workloads.depth_width.substrate.work_counter import Work

MOST = 2
"""Passes of a layer."""


class Decide(Protocol):
    """Says how often a layer runs, from what enters it; never asked while decoding."""

    def __call__(self, layer: int, states: Tensor, lengths: Tensor, work: Work, /) -> Tensor:
        """Judge prompts' states [n, T, d]; return passes [n] in 0..2."""
        ...


def fixed(passes: Tensor) -> Decide:
    """Return the decision for given passes [n, L]."""
    return lambda layer, states, lengths, work: passes[:, layer]


@dataclass
class Slot:
    """Keys and values of one pass of one layer."""

    layer: int
    who: Tensor
    """Questions that run it, ascending, [m]."""
    everyone: bool
    keys: Tensor
    """[m, heads, T + 2, e]."""
    values: Tensor


@dataclass
class Memory:
    """The slots of a batch in path order, and the length of each question so far."""

    lengths: Tensor
    room: int
    slots: list[tuple[int, Slot]] = field(default_factory=list)


@dataclass(frozen=True)
class Tile:
    """Questions that were answered together, and what was written down meanwhile."""

    who: Tensor
    prefill: Work
    decode: Work


@dataclass(frozen=True)
class Reply:
    """Answers, and the work they took; `runs` of a work hold (slot, questions of the tile)."""

    said: Tensor
    """Answer tokens, [n, 3]."""
    tiles: tuple[Tile, ...]
    layers: int
    tokens: int
    """Of prompts and answers together, padding left out."""
    parameters: int = 0

    def passes(self) -> Tensor:
        """Return how often each layer ran in prefill, counted from the runs, [n, L]."""
        ran = torch.zeros(len(self.said), self.layers, dtype=torch.long)
        for tile in self.tiles:
            for slot, rows in tile.prefill.runs:
                ran[tile.who[rows], slot // MOST] += 1
        return ran

    def decoded(self) -> Tensor:
        """Return the mean number of layers that ran in a step of decoding, [n]."""
        ran = torch.zeros(len(self.said))
        for tile in self.tiles:
            for _, rows in tile.decode.runs:
                ran[tile.who[rows]] += 1 / (ANSWERS - 1)
        return ran


def prefill(
    model: Backbone, tokens: Tensor, lengths: Tensor, decide: Decide, work: Work
) -> tuple[Tensor, Memory]:
    """Run prompts [n, T] along their paths; return final states [n, T, d] and the slots."""
    states: Tensor = model.embed(tokens)
    memory = Memory(lengths, tokens.shape[1] + ANSWERS - 1)
    for index in range(model.shape.layers):
        passes = decide(index, states, lengths, work)
        for turn in range(MOST):
            who = (passes > turn).nonzero()[:, 0]
            if not len(who):
                break
            everyone = len(who) == len(passes)
            rows = states if everyone else work.take(states, who)
            rows, slot = _prefilled(model, index, rows, who, everyone, memory.room, work)
            memory.slots.append((MOST * index + turn, slot))
            work.runs.append((MOST * index + turn, who))
            states = rows if everyone else _put(states, who, rows, work)
    return states, memory


def _put(states: Tensor, who: Tensor, rows: Tensor, work: Work) -> Tensor:
    work.moved += rows.numel()
    return states.index_copy(0, who, rows)


def _prefilled(
    model: Backbone, index: int, rows: Tensor, who: Tensor, everyone: bool, room: int, work: Work
) -> tuple[Tensor, Slot]:
    """Run a layer on whole prompts [m, T, d]; keep its keys and values."""
    m, length, d = rows.shape
    kept: list[Tensor] = []

    def attend(layer: Layer, normed: Tensor) -> Tensor:
        q, k, v = _heads(layer, work.linear(layer.qkv, normed))
        turn = model.cosine[:length, 0], model.sine[:length, 0]
        q, k = rotate(q, *turn), rotate(k, *turn)
        kept.extend(F.pad(part, (0, 0, 0, room - length)) for part in (k, v))
        work.flops += 4 * q.numel() * length
        context = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return context.transpose(1, 2).reshape(m, length, d)

    work.flops += 2 * m * length * 9 * d * d
    out = model.layer(index)(rows, attend)
    return out, Slot(index, who, everyone, *kept)


def _heads(layer: Layer, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """[m, T, 3 d] -> three times [m, heads, T, e]."""
    m, length, _ = qkv.shape
    q, k, v = qkv.view(m, length, 3, layer.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
    return q, k, v


def step(model: Backbone, tokens: Tensor, memory: Memory, work: Work) -> Tensor:
    """Run one new token of every question [n] along its path; return final states [n, d]."""
    states: Tensor = model.embed(tokens)
    longest = int(memory.lengths.max()) + 1
    for name, slot in memory.slots:
        rows = states if slot.everyone else work.take(states, slot.who)
        at = memory.lengths if slot.everyone else memory.lengths[slot.who]
        rows = _stepped(model, slot, rows, at, longest, work)
        work.runs.append((name, slot.who))
        states = rows if slot.everyone else _put(states, slot.who, rows, work)
    memory.lengths = memory.lengths + 1
    return states


def _stepped(
    model: Backbone, slot: Slot, rows: Tensor, at: Tensor, longest: int, work: Work
) -> Tensor:
    m, d = rows.shape

    def attend(layer: Layer, normed: Tensor) -> Tensor:
        q, k, v = _heads(layer, work.linear(layer.qkv, normed)[:, None])
        turn = model.cosine[at][:, None], model.sine[at][:, None]
        each = torch.arange(m)
        slot.keys[each, :, at] = rotate(k, *turn)[:, :, 0]
        slot.values[each, :, at] = v[:, :, 0]
        work.moved += 2 * m * d
        mask = None if m == 1 else (torch.arange(longest) <= at[:, None])[:, None, None]
        work.flops += 4 * q.numel() * longest
        context = F.scaled_dot_product_attention(
            rotate(q, *turn), slot.keys[:, :, :longest], slot.values[:, :, :longest], attn_mask=mask
        )
        return context.reshape(m, d)

    if m == 1:
        longest = int(at) + 1
    work.flops += 2 * m * 9 * d * d
    out: Tensor = model.layer(slot.layer)(rows, attend)
    return out


def answer(model: Backbone, questions: Questions, decide: Decide | Tensor, *, tile: int) -> Reply:
    """Answer questions greedily, `tile` of them together: prefill, then two steps.

    `decide` may be given paths, passes [n, L].
    """
    lengths = torch.from_numpy(questions.lengths)
    tokens = torch.from_numpy(questions.tokens)
    said, tiles = [], []
    with torch.inference_mode(), one_thread():
        for first in range(0, len(tokens), tile):
            who = torch.arange(first, min(first + tile, len(tokens)))
            longest = int(lengths[who].max())
            part = Tile(who, Work(), Work())
            rule = fixed(decide[who]) if isinstance(decide, Tensor) else decide
            said.append(_answered(model, tokens[who, :longest], lengths[who], rule, part))
            tiles.append(part)
    total = int(lengths.sum()) + (ANSWERS - 1) * len(tokens)
    parameters = sum(weight.numel() for weight in model.parameters())
    return Reply(torch.cat(said), tuple(tiles), model.shape.layers, total, parameters)


def _answered(
    model: Backbone, tokens: Tensor, lengths: Tensor, decide: Decide, part: Tile
) -> Tensor:
    states, memory = prefill(model, tokens, lengths, decide, part.prefill)
    last = states[torch.arange(len(tokens)), lengths - 1]
    said = [read_out(model, last, part.prefill).argmax(-1)]
    for _ in range(ANSWERS - 1):
        rows = step(model, said[-1], memory, part.decode)
        said.append(read_out(model, rows, part.decode).argmax(-1))
    held = [memory.lengths[slot.who] for _, slot in memory.slots]
    part.decode.kv_entries = int(sum(int(each.sum()) for each in held))
    part.decode.kv_allocated = sum(len(each) for each in held) * memory.room
    return torch.stack(said, dim=1)


def right(model: Backbone, tokens: Tensor, lengths: Tensor, passes: Tensor) -> Tensor:
    """Return which questions' three answers are all found along given paths, [n].

    `tokens` [n, T] hold prompts and answers: the three greedy answers are right together exactly
    if each is right given those before it, so one forward decides.
    """
    states, _ = prefill(model, tokens, lengths, fixed(passes), Work())
    return _hits(model, states, tokens, lengths)


def right_along(
    model: Backbone, tokens: Tensor, lengths: Tensor, paths: Sequence[tuple[int, ...]]
) -> dict[tuple[int, ...], Tensor]:
    """Return which questions are right along each of some paths that all of them take, [n] by path.

    As `right` for one path at a time, to the bit: paths share the states of the entries they begin with.
    """
    found: dict[tuple[int, ...], Tensor] = {}
    taken: list[int] = []
    states, who, room = [model.embed(tokens)], torch.arange(len(tokens)), tokens.shape[1]
    for path in sorted(paths, key=entries):
        wanted = entries(path)
        pairs = zip(taken, wanted, strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        del states[shared + 1 :]
        for layer in wanted[shared:]:
            rows, _ = _prefilled(model, layer, states[-1], who, True, room, Work())
            states.append(rows)
        taken, found[path] = wanted, _hits(model, states[-1], tokens, lengths)
    return found


def _hits(model: Backbone, states: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
    """Return which questions' three answers are all found in final states [n, T, d], [n]."""
    at = lengths[:, None] - 1 + torch.arange(ANSWERS)
    rows = states.gather(1, at[..., None].expand(-1, -1, states.shape[-1]))
    said = model.head(model.norm(rows)).argmax(-1)
    hit: Tensor = (said == tokens.gather(1, at + 1)).all(dim=1)
    return hit


def default(n: int, layers: int) -> Tensor:
    """Return the passes of the frozen model: every layer once, [n, L]."""
    return torch.ones(n, layers, dtype=torch.long)


def entries(passes: Sequence[int]) -> list[int]:
    """Return a path as the list of its layers."""
    return [layer for layer, times in enumerate(passes) for _ in range(times)]

"""A frozen backbone taken unit by unit: a position runs an attention block or an MLP, or not.

    for layer in layers:
        x = norm1(h);  h[kept] += attention(x[kept] over all);  h[others] += rest
        x = norm2(h);  h[kept] += mlp(x[kept]);                 h[others] += rest

A `Rule` is asked once a unit. It sees the normed rows of all positions in play, never a label and never a later
position, and answers which rows run the unit and what the others add in its place. Unit 2 l is the attention of
layer l, 2 l + 1 its MLP; each counts as half a layer.

Keys and values are written for every position in every layer, so attention saves two thirds at most. Rows that run
are gathered once a unit; a rule may also name those that do not (`gone`), so that what stands in is made for them
alone. There is no switch to dense execution where nearly all rows are kept.

`soft` runs everything and mixes by a mask [sequences, tokens, 1]: routers are trained with it, and the gathered run
is tested against it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate.attention import Cache, Decode, Prefill, pack
from adabench.workloads.depth_width.substrate.backbone import Backbone, Layer, gelu, rotate
from adabench.workloads.depth_width.substrate.gathered_forward import Answer, one_thread, read_out
from adabench.workloads.depth_width.substrate.work_counter import Work

HALF = 0.5
"""Of a layer, a unit."""


@dataclass(frozen=True)
class Choice:
    """A rule's answer for one unit."""

    keep: Tensor | None = None
    """Ascending indices of the rows that run it; None: all of them."""
    rest: Tensor | None = None
    """[n - kept, d], what the other rows add instead, in their order; None: nothing."""
    gone: Tensor | None = None
    """Ascending indices of the other rows, from a rule that knows them."""


class Rule(Protocol):
    """Decides at one unit."""

    def __call__(self, unit: int, rows: Tensor, work: Work, /) -> Choice:
        """Judge the normed rows [n, d] of the positions in play."""
        ...


def all_units(unit: int, rows: Tensor, work: Work) -> Choice:
    """The rule of the unchanged model."""
    return Choice()


def run_units(view: Prefill | Decode, states: Tensor, rule: Rule, tokens: int) -> Tensor:
    """Take states [n, d] through the layers; return the final states."""
    for index in range(view.model.shape.layers):
        layer = view.model.layer(index)
        states = _attended(view, layer, index, states, rule, tokens)
        states = _widened(view, layer, index, states, rule)
    return states


def _attended(
    view: Prefill | Decode, layer: Layer, index: int, states: Tensor, rule: Rule, tokens: int
) -> Tensor:
    normed, work = layer.norm1(states), view.work
    whole = normed
    choice = rule(2 * index, normed, work)
    active = view.everybody
    if choice.keep is not None and len(choice.keep) < len(states):
        if not len(choice.keep):
            view.leave(layer, index, states, normed)
            return _put(states, None, choice, work)
        normed = work.take(normed, choice.keep)
        flat = active.flat.index_select(0, choice.keep)
        active = pack(flat, view.cache.sequences, tokens, view.model)
    context = view.attend(index, index, active, states, whole)(layer, normed)
    work.runs.append((2 * index, active.flat))
    return _put(states, work.linear(layer.out, context), choice, work)


def _widened(
    view: Prefill | Decode, layer: Layer, index: int, states: Tensor, rule: Rule
) -> Tensor:
    normed, work = layer.norm2(states), view.work
    choice = rule(2 * index + 1, normed, work)
    flat = view.everybody.flat
    if choice.keep is not None and len(choice.keep) < len(states):
        if not len(choice.keep):
            return _put(states, None, choice, work)
        normed, flat = work.take(normed, choice.keep), flat.index_select(0, choice.keep)
    output = work.linear(layer.down, gelu(work.linear(layer.up, normed)))
    work.runs.append((2 * index + 1, flat))
    return _put(states, output, choice, work)


def _put(states: Tensor, output: Tensor | None, choice: Choice, work: Work) -> Tensor:
    """Add the unit's output where it ran, and what stands in for it elsewhere, in place."""
    n = len(states)
    if output is not None and len(output) == n:
        return states.add_(output)
    kept = torch.empty(0, dtype=torch.long) if choice.keep is None else choice.keep
    if output is not None:
        work.moved += output.numel()
        states.index_add_(0, kept, output)
    if choice.rest is not None:
        work.moved += choice.rest.numel()
        gone = others(kept, n) if choice.gone is None else choice.gone
        states.index_add_(0, gone, choice.rest)
    return states


def others(kept: Tensor, n: int) -> Tensor:
    """Return the indices of 0..n-1 that are not kept, ascending."""
    free = torch.ones(n, dtype=torch.bool, device=kept.device)
    free[kept] = False
    return free.nonzero()[:, 0]


def prefill_units(model: Backbone, tokens: Tensor, rule: Rule, *, tile: int) -> Answer:
    """Score sequences [n, T], `tile` of them a call."""
    logits, works = [], []
    with torch.inference_mode(), one_thread():
        for first in range(0, len(tokens), tile):
            work, part = Work(), tokens[first : first + tile]
            states, cache = _hidden(model, part, rule, work)
            logits.append(read_out(model, states, work))
            work.kv_entries, work.kv_allocated = cache.entries, cache.allocated
            works.append((torch.arange(first, first + len(part)), work))
        whole = torch.cat(logits)
    return Answer(whole, tuple(works), layers_per_run=HALF)


def decode_units(
    model: Backbone, tokens: Tensor, rule: Rule, *, batch: int, prompt: int = 1
) -> Answer:
    """Score sequences [n, T] one position at a time, `batch` together, each fed its next token."""
    logits, works = [], []
    with torch.inference_mode(), one_thread():
        for first in range(0, len(tokens), batch):
            work, part = Work(), tokens[first : first + batch]
            logits.append(_decoded(model, part, rule, work, prompt))
            works.append((torch.arange(first, first + len(part)), work))
        whole = torch.cat(logits)
    return Answer(whole, tuple(works), layers_per_run=HALF)


def _hidden(model: Backbone, tokens: Tensor, rule: Rule, work: Work) -> tuple[Tensor, Cache]:
    n, length = tokens.shape
    everybody = pack(torch.arange(n * length, device=tokens.device), n, length, model)
    view = Prefill(model, Cache(n, model.shape.tokens), work, everybody, fill=True)
    states = run_units(view, model.embed(tokens).flatten(0, 1), rule, length)
    return states.view(n, length, -1), view.cache


def _decoded(model: Backbone, tokens: Tensor, rule: Rule, work: Work, prompt: int) -> Tensor:
    n, length = tokens.shape
    states, cache = _hidden(model, tokens[:, :prompt], rule, work)
    work.runs = [(u, flat.div(prompt, rounding_mode="floor") * length + flat % prompt)
                 for u, flat in work.runs]  # fmt: skip
    logits = [read_out(model, states, work)]
    everybody = pack(torch.arange(n, device=tokens.device), n, 1, model)
    for position in range(prompt, length):
        view = Decode(model, cache, work, everybody, position, fill=True)
        seen = len(work.runs)
        states = run_units(view, model.embed(tokens[:, position]), rule, 1)
        work.runs[seen:] = [(u, flat * length + position) for u, flat in work.runs[seen:]]
        logits.append(read_out(model, states, work)[:, None])
    work.kv_entries, work.kv_allocated = cache.entries, cache.allocated
    return torch.cat(logits, dim=1)


Output = Callable[[], Tensor]
Mix = Callable[[int, Tensor, Output], Tensor]
"""(unit, normed states [B, T, d], the unit's output when called) -> what is added."""


def soft(model: Backbone, tokens: Tensor, mix: Mix) -> Tensor:
    """Run every unit on tokens [B, T] and add what `mix` makes of it; return final states."""
    states: Tensor = model.embed(tokens)
    for index in range(model.shape.layers):
        layer = model.layer(index)
        x = layer.norm1(states)
        states = states + mix(2 * index, x, lambda x=x, layer=layer: attention(model, layer, x))  # type: ignore[misc]
        x = layer.norm2(states)
        states = states + mix(2 * index + 1, x, lambda x=x, layer=layer: mlp(layer, x))  # type: ignore[misc]
    return states


def attention(model: Backbone, layer: Layer, x: Tensor) -> Tensor:
    """Return the attention branch of normed states [B, T, d]."""
    n, length, _ = x.shape
    q, k, v = layer.qkv(x).view(n, length, 3, layer.heads, -1).unbind(2)
    turn = model.cosine[:length], model.sine[:length]
    heads = [rotate(q, *turn), rotate(k, *turn), v]
    q, k, v = (part.transpose(1, 2) for part in heads)
    context = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    branch: Tensor = layer.out(context.transpose(1, 2).reshape(n, length, -1))
    return branch


def mlp(layer: Layer, x: Tensor) -> Tensor:
    """Return the MLP branch of normed states."""
    branch: Tensor = layer.down(F.gelu(layer.up(x)))
    return branch

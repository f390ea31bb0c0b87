"""A Llama read unit by unit: a position runs an attention block or an MLP, or takes what stands in.

    for layer in layers:
        x = norm1(h);  h[kept] += attention(x[kept] over all);  h[others] += rest
        x = norm2(h);  h[kept] += mlp(x[kept]);                 h[others] += rest

Rules are those of `unit_forward.py` (`Rule`, `Choice`); unit 2 l is the attention of layer l, 2 l + 1 its MLP, each
half a layer. An MLP of some rows is `kernels/gathered_mlp.py`: Triton on a CUDA device, torch elsewhere, counted
alike. Queries are laid out per sequence, padded to the longest.

Keys and values are written for every position wherever a rule decides. A unit in `gone` is one that no position
ever runs, so no key is made there. `Plan.asked` names the units that a rule is asked about; the others run for
everyone and cost no router. Windows are read whole (prefill).
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.kernels import gathered_mlp
from adabench.workloads.depth_width.substrate.gathered_forward import Answer, one_thread
from adabench.workloads.depth_width.substrate.llama_decoder.block_hooks import Branch
from adabench.workloads.depth_width.substrate.llama_decoder.hooked_decoder import HookedDecoder
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import (
    Decoder,
    RealBackbone,
    RealLayer,
    activated,
    turned,
    unembed,
)
from adabench.workloads.depth_width.substrate.units.unit_forward import HALF, Choice, Rule, others
from adabench.workloads.depth_width.substrate.work_counter import Work

TILE = 4
"""Windows read in one call, by every method."""


@dataclass(frozen=True)
class Plan:
    """Which units a rule is asked about, and which of them run for nobody, ever."""

    asked: Collection[int] = frozenset()
    gone: Collection[int] = frozenset()


@dataclass(frozen=True)
class View:
    """One call: the model, what is being counted, and how many windows of which length."""

    model: Decoder
    work: Work
    sequences: int
    tokens: int


@contextmanager
def on_device_of(model: Decoder) -> Iterator[torch.device]:
    """Infer on one thread, new tensors on the model's device; wait for it at the end.

    Clocks are the processor's, so what a device still has to do when they stop would be free.
    """
    device = model.embed.weight.device
    placed = nullcontext() if device.type == "cpu" else device
    with torch.inference_mode(), one_thread(), placed:
        yield device
        if device.type == "cuda":
            torch.cuda.synchronize(device)


def read_tiles(
    model: Decoder, tokens: Tensor, tile: int, run: Callable[[View, Tensor], Tensor]
) -> tuple[Tensor, tuple[tuple[Tensor, Work], ...]]:
    """Read windows [n, T], `tile` of them a call; return logits [n, T, vocabulary] and works.

    `run` takes states [windows x T, d] and returns what the head is to read, after the last norm.
    """
    (n, length), works = tokens.shape, []
    with on_device_of(model) as device:
        tokens = tokens.to(device)
        weight = model.head.weight
        logits = torch.empty(n, length, len(weight), dtype=weight.dtype, device=device)
        for first in range(0, n, tile):
            part = tokens[first : first + tile]
            view = View(model, Work(), len(part), length)
            rows = model.norm(run(view, model.embed(part).flatten(0, 1)))
            view.work.flops += unembed(model, rows, logits[first : first + tile].flatten(0, 1))
            works.append((torch.arange(first, first + len(part), device="cpu"), view.work))
    return logits, tuple(works)


def prefill_real(
    model: Decoder, tokens: Tensor, rule: Rule, plan: Plan, *, tile: int = TILE
) -> Answer:
    """Score windows [n, T], `tile` of them a call; logits [n, T, vocabulary]."""
    logits, works = read_tiles(
        model, tokens, tile, lambda view, states: _run(view, states, rule, plan)
    )
    return Answer(logits, works, layers_per_run=HALF)


def _run(view: View, states: Tensor, rule: Rule, plan: Plan) -> Tensor:
    """Take states [n, d] through the layers; return the final states."""
    for index in range(view.model.shape.layers):
        states = run_layer(view, index, states, rule, plan)
    return states


def run_layer(view: View, index: int, states: Tensor, rule: Rule, plan: Plan) -> Tensor:
    """Take states [n, d] through a layer, in place where they are ours; return them."""
    if isinstance(view.model, HookedDecoder):
        return _run_hooked(view, view.model, index, states, rule, plan)
    everyone = torch.arange(len(states), device=states.device)
    layer = view.model.layer(index)
    for unit, norm in ((2 * index, layer.norm1), (2 * index + 1, layer.norm2)):
        rows = norm(states)
        choice, kept = _chosen(unit, rows, rule, plan, view.work)
        if unit % 2 and kept is not None:
            output = None
            widen_into(layer, states, rows, kept, view.work)
        else:
            output = _unit(view, layer, unit, rows, kept, unit in plan.gone)
        if output is not None or (unit % 2 and kept is not None and len(kept)):
            view.work.runs.append((unit, everyone if kept is None else kept))
        states = put(states, output, kept, choice, view.work)
    return states


def _chosen(
    unit: int, rows: Tensor, rule: Rule, plan: Plan, work: Work
) -> tuple[Choice, Tensor | None]:
    """Return what a rule says at a unit, and who runs it; None if that is everyone."""
    choice = rule(unit, rows, work) if unit in plan.asked else Choice()
    kept = choice.keep
    return choice, None if kept is None or len(kept) == len(rows) else kept


def _run_hooked(
    view: View, model: HookedDecoder, index: int, states: Tensor, rule: Rule, plan: Plan
) -> Tensor:
    """Take states [n, d] through a layer of transformers; a unit that nobody keeps is not called."""
    work = view.work

    def unit(number: int, x: Tensor, branch: Branch) -> Tensor:
        rows = x.flatten(0, 1)
        choice, kept = _chosen(number, rows, rule, plan, work)
        made = torch.zeros_like(rows) if kept is not None else branch.whole().flatten(0, 1)
        output = branch.some(kept) if kept is not None and len(kept) else None
        if output is not None or kept is None:
            everyone = kept is None or not model.runs_alone(number)
            ran = torch.arange(len(rows), device=rows.device) if everyone else kept
            assert ran is not None
            work.runs.append((number, ran))
        if kept is not None:
            made = put(made, output, kept, choice, work)
        return made.view_as(x)

    size = view.sequences, view.tokens, -1
    return model.block(index, states.view(size), unit, work).flatten(0, 1)


def _unit(
    view: View, layer: RealLayer, unit: int, rows: Tensor, kept: Tensor | None, gone: bool
) -> Tensor | None:
    """Run an MLP on all rows, or attention on the kept ones; None if nobody keeps it."""
    if unit % 2:
        return widen(layer, rows, view.work)
    if gone:
        assert kept is not None
        assert not len(kept)
        return None
    return attend(view, layer, rows, kept)


def widen(layer: RealLayer, rows: Tensor, work: Work) -> Tensor:
    """Run an MLP on rows [n, d]."""
    return work.linear(layer.down, activated(work.linear(layer.gate_up, rows)))


def widen_into(layer: RealLayer, states: Tensor, rows: Tensor, kept: Tensor, work: Work) -> None:
    """Add to some states what the MLP makes of their normed rows, in place; count all of it.

    Each row is gathered once, and its output added once.
    """
    up, down = layer.gate_up.weight, layer.down.weight
    work.moved += 2 * len(kept) * rows.shape[-1]
    work.flops += 2 * len(kept) * (up.numel() + down.numel())
    gathered_mlp.gated_mlp_add_(states, rows, kept, up, down)


def attend(view: View, layer: RealLayer, rows: Tensor, kept: Tensor | None) -> Tensor | None:
    """Keys and values of all rows [n, d]; queries, and an answer, of those kept."""
    model, work = view.model, view.work
    assert isinstance(model, RealBackbone)
    shape, n = model.shape, view.sequences
    at = model.cosine[: view.tokens], model.sine[: view.tokens]
    d = shape.query
    if kept is None:
        fused = work.linear(layer.qkv, rows)
        query, pair = fused[:, :d], fused[:, d:]
    else:
        bias = layer.qkv.bias
        pair = work.product(rows, layer.qkv.weight[d:])
        query = work.product(work.take(rows, kept), layer.qkv.weight[:d])
        if bias is not None:
            pair, query = pair.add_(bias[d:]), query.add_(bias[:d])
    keys, values = pair.view(n, view.tokens, 2, shape.groups, shape.each).unbind(2)
    keys = turned(layer.key_norm(keys), *at).transpose(1, 2)
    values = values.transpose(1, 2)
    work.kv_entries += len(rows)
    work.kv_allocated += len(rows)
    if kept is None:
        heads = layer.query_norm(query.view(n, view.tokens, shape.heads, shape.each))
        q = turned(heads, *at).transpose(1, 2)
        context = F.scaled_dot_product_attention(q, keys, values, is_causal=True, enable_gqa=True)
        work.flops += 4 * q.numel() * view.tokens
        return work.linear(layer.out, context.transpose(1, 2).reshape(len(rows), d))
    if not len(kept):
        return None
    heads = layer.query_norm(query.view(len(kept), shape.heads, shape.each))
    return work.linear(layer.out, _some(view, heads, keys, values, kept))


def _some(view: View, heads: Tensor, keys: Tensor, values: Tensor, kept: Tensor) -> Tensor:
    """Attend with the queries [kept, heads, e] of some positions to the keys of all."""
    model, work, n = view.model, view.work, view.sequences
    assert isinstance(model, RealBackbone)
    sequence, position = kept.div(view.tokens, rounding_mode="floor"), kept % view.tokens
    lengths = torch.bincount(sequence, minlength=n)
    longest = int(lengths.max())
    place = torch.arange(len(kept), device=kept.device) - (lengths.cumsum(0) - lengths)[sequence]
    place = sequence * longest + place
    heads = turned(heads, model.cosine[position], model.sine[position])
    laid = heads.new_zeros(n * longest, *heads.shape[1:]).index_copy_(0, place, heads)
    laid = laid.view(n, longest, *heads.shape[1:]).transpose(1, 2)
    seen = position.new_zeros(n * longest).index_copy_(0, place, position).view(n, 1, longest, 1)
    mask = torch.arange(view.tokens, device=kept.device) <= seen
    context = F.scaled_dot_product_attention(laid, keys, values, attn_mask=mask, enable_gqa=True)
    work.flops += 4 * laid.numel() * view.tokens
    work.moved += 2 * heads.numel()
    return context.transpose(1, 2).reshape(n * longest, -1).index_select(0, place)


def put(
    states: Tensor, output: Tensor | None, kept: Tensor | None, choice: Choice, work: Work
) -> Tensor:
    """Add a unit's output where it ran, and what stands in for it elsewhere, in place."""
    if kept is None:
        assert output is not None
        return states.add_(output)
    if output is not None:
        work.moved += output.numel()
        states.index_add_(0, kept, output)
    if choice.rest is not None:
        if not len(kept):
            return states.add_(choice.rest)
        work.moved += choice.rest.numel()
        gone = others(kept, len(states)) if choice.gone is None else choice.gone
        states.index_add_(0, gone, choice.rest)
    return states

"""Latent steps with gradients: what `latent_forward.py` runs gathered, here masked for batches.

A layer is run on all questions and what a question skips is thrown away by a mask; nothing is counted. The
questions of a batch have equally many tokens. `Past` keeps, for each layer, keys and values of all positions
and which of them exist for which question.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate.backbone import Backbone, Layer, rotate


@dataclass
class Past:
    """Keys, values [B, heads, T, e] and existence [B, T] of each layer, and positions so far."""

    keys: list[list[Tensor]]
    values: list[list[Tensor]]
    exists: list[list[Tensor]]
    ragged: bool = False
    """Does any question lack a position somewhere?"""
    length: int = 0
    start: list[int] = field(default_factory=list)


def nothing(model: Backbone) -> Past:
    """Return the past of a fresh sequence."""
    layers = range(model.shape.layers)
    return Past([[] for _ in layers], [[] for _ in layers], [[] for _ in layers])


def layer_step(
    model: Backbone, index: int, rows: Tensor, past: Past, exists: Tensor | None = None
) -> Tensor:
    """Run a layer on the next positions [B, T, d], keeping keys and values.

    `exists` [B]: the questions that really run it; all by default. `past.length` is the place of
    the first position, and is moved on by the caller.
    """
    n, length, d = rows.shape

    def attend(layer: Layer, normed: Tensor) -> Tensor:
        q, k, v = layer.qkv(normed).view(n, length, 3, layer.heads, -1).permute(2, 0, 3, 1, 4)
        here = slice(past.length, past.length + length)
        turn = model.cosine[here, 0], model.sine[here, 0]
        past.keys[index].append(rotate(k, *turn))
        past.values[index].append(v)
        real = torch.ones(n, dtype=torch.bool) if exists is None else exists
        past.exists[index].append(real[:, None].expand(n, length))
        keys, values = torch.cat(past.keys[index], 2), torch.cat(past.values[index], 2)
        context = F.scaled_dot_product_attention(
            rotate(q, *turn), keys, values, attn_mask=_mask(past, index, length)
        )
        return context.transpose(1, 2).reshape(n, length, d)

    out: Tensor = model.layer(index)(rows, attend)
    return out


def _mask(past: Past, index: int, length: int) -> Tensor | None:
    """Return which keys a query meets, [.., length, all]; None if it meets all."""
    mask = None
    if length > 1:
        total = sum(part.shape[1] for part in past.exists[index])
        mask = torch.arange(total) <= torch.arange(total - length, total)[:, None]
    if past.ragged:
        here = torch.cat(past.exists[index], 1)[:, None, None]
        # A row that does not run the layer meets at least itself, and is thrown away.
        last = torch.arange(here.shape[-1]) == here.shape[-1] - 1
        mask = (here | last) if mask is None else (here & mask)
    return mask


def block(model: Backbone, states: Tensor, past: Past) -> Tensor:
    """Run all layers on the next positions [B, T, d]; return the final states."""
    for index in range(model.shape.layers):
        states = layer_step(model, index, states, past)
    past.length += states.shape[1]
    return states


@dataclass(frozen=True)
class Walked:
    """Latent steps of a batch, some of which were handed over."""

    states: Tensor
    """After each step, [B, steps, d]: normed if it ended, as it was handed over if not."""
    done: Tensor
    """Did the step run to its end? [B, steps]."""
    early: Tensor
    """The state after the first `look` layers, [B, steps, d]."""
    fresh: Tensor
    """Did the step start at layer 1? [B, steps]."""


def walk(model: Backbone, ends: Tensor, past: Past, plan: Tensor, look: int) -> Walked:
    """Take latent steps from states at the questions' ends [B, d].

    `plan` [B, steps]: after so many layers a step stops and hands its state to the next one, which
    starts there; a number that is not reached for a step that runs to its end.
    """
    state, start = model.norm(ends), torch.zeros(len(ends), dtype=torch.long)
    found: tuple[list[Tensor], ...] = ([], [], [], [])
    for stop in plan.unbind(1):
        at, left, early = start, torch.zeros(len(ends), dtype=torch.bool), state
        for depth in range(model.shape.layers):
            running = ~left & (at <= depth)
            leaves = running & (stop == depth)
            start = torch.where(leaves, depth, start)
            left, running = left | leaves, running & ~leaves
            after = layer_step(model, depth, state[:, None], past, running)[:, 0]
            state = torch.where(running[:, None], after, state)
            early = state if depth == look - 1 else early
        past.length += 1
        state = torch.where(left[:, None], state, model.norm(state))
        start = torch.where(left, start, 0)
        for kept, part in zip(found, (state, ~left, early, at == 0), strict=True):
            kept.append(part)
    return Walked(*(torch.stack(kept, 1) for kept in found))

"""Oracles of Duo-LLM: every pattern of a set, tried on one group of positions at a time.

A *pattern* is an option for each layer, a *group* what runs one pattern. All positions outside it run big:

    position grain   the position alone runs the pattern; it attends to all-big keys and values, and its own
    segment grain    all positions of the segment run it and attend to each other; to earlier segments as the
                     all-big model left them

All groups are tried at once, by a mask, and patterns are walked as a tree: a state after l layers is computed
once for all that agree so far (364 layers for 729 patterns, not 4374). The search is not counted; what is
then run along the chosen patterns is.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import (
    BIG,
    OPTIONS,
    SKIP,
    SMALL,
    Duo,
    forked,
)
from adabench.workloads.depth_width.substrate.backbone import Layer, rotate
from adabench.workloads.depth_width.substrate.stream import EQUAL
from adabench.workloads.depth_width.substrate.work_counter import Work

Pattern = tuple[int, ...]


def placed(layers: int, bigs: int, *, skips: bool = False) -> tuple[Pattern, ...]:
    """Return the patterns with exactly `bigs` big modules; the rest small, or small and skip."""
    rest = (SKIP, SMALL) if skips else (SMALL,)
    every = itertools.product((*rest, BIG), repeat=layers)
    return tuple(one for one in every if one.count(BIG) == bigs)


def luckily(layers: int, count: int, seed: int) -> tuple[Pattern, ...]:
    """Return `count` different patterns drawn from all of them, whatever they cost."""
    generator = torch.Generator().manual_seed(seed)
    every = list(itertools.product(range(OPTIONS), repeat=layers))
    return tuple(every[i] for i in torch.randperm(len(every), generator=generator)[:count].tolist())


def segments(tokens: Tensor) -> Tensor:
    """Number the segments of [B, T]: one ends with `=`, and the value after it opens the next."""
    ended = (tokens == EQUAL).long().cumsum(1)
    return F.pad(ended[:, :-1], (1, 0))


def positions(tokens: Tensor) -> Tensor:
    """Make every position of [B, T] a group of its own."""
    return torch.arange(tokens.shape[1]).expand_as(tokens)


@dataclass(frozen=True)
class Scene:
    """Token states and what every position meets of the others: all-big keys and values."""

    duo: Duo
    embedded: Tensor
    """[B, T, d]."""
    keys: tuple[Tensor, ...]
    """Of each layer, [B, heads, T, d / heads]."""
    values: tuple[Tensor, ...]
    mask: Tensor
    """[B, 1, T, 2 T]: which all-big keys a position reads, and which of its own group's."""
    final: Tensor
    """[B, T, d], the all-big states after the last layer."""


def scene(duo: Duo, tokens: Tensor, groups: Tensor, work: Work) -> Scene:
    """Run tokens [B, T] through big modules alone and keep the keys; counted in `work`."""
    causal = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).tril()
    same = groups[:, :, None] == groups[:, None]
    mask = torch.cat((causal & ~same, causal & same), dim=-1)[:, None]
    embedded: Tensor = duo.model.embed(tokens)
    states, keys, values = embedded, [], []
    for index in range(duo.model.shape.layers):
        layer = duo.model.layer(index)
        q, k, v = _heads(duo, layer, layer.norm1(states), work)
        context = _sdpa(q, k, v, None, work)
        states = states + work.linear(layer.out, context)
        rows = layer.norm2(states).flatten(0, 1)
        everybody = torch.full((len(rows),), BIG)
        states = _forked(duo, index, states, everybody, work)
        keys.append(k)
        values.append(v)
    return Scene(duo, embedded, tuple(keys), tuple(values), mask, states)


def _heads(duo: Duo, layer: Layer, x: Tensor, work: Work) -> list[Tensor]:
    """Return rotated queries and keys, and values, of normed states: [B, heads, T, d / heads]."""
    n, length, _ = x.shape
    q, k, v = work.linear(layer.qkv, x).view(n, length, 3, layer.heads, -1).unbind(2)
    turn = duo.model.cosine[:length], duo.model.sine[:length]
    return [part.transpose(1, 2) for part in (rotate(q, *turn), rotate(k, *turn), v)]


def _sdpa(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, work: Work) -> Tensor:
    work.flops += 4 * q.numel() * k.shape[2]
    context = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
    return context.transpose(1, 2).flatten(2)


def _forked(duo: Duo, index: int, states: Tensor, choice: Tensor, work: Work) -> Tensor:
    layer = duo.model.layer(index)
    rows = layer.norm2(states).flatten(0, 1)
    flat = forked(layer, duo.sides.at(index), states.flatten(0, 1), rows, choice, work)
    return flat.view_as(states)


def _attended(there: Scene, index: int, states: Tensor, work: Work) -> Tensor:
    """Add attention to the others' all-big keys and the own group's present ones."""
    layer = there.duo.model.layer(index)
    q, k, v = _heads(there.duo, layer, layer.norm1(states), work)
    keys, values = torch.cat((there.keys[index], k), 2), torch.cat((there.values[index], v), 2)
    return states + work.linear(layer.out, _sdpa(q, keys, values, there.mask, work))


def apart(there: Scene, options: Tensor, work: Work) -> Tensor:
    """Run every group along its own pattern, options [layers, B, T]; final states [B, T, d]."""
    states = there.embedded
    for index, choice in enumerate(options):
        states = _attended(there, index, states, work)
        states = _forked(there.duo, index, states, choice.flatten(), work)
    return states


def leaves(there: Scene, patterns: Sequence[Pattern]) -> Iterator[tuple[int, Tensor]]:
    """Yield (index of a pattern, final states [B, T, d] of every group under it)."""
    if len(set(patterns)) < len(patterns):
        raise ValueError("patterns have to differ")
    yield from _walk(there, dict(zip(patterns, itertools.count(), strict=False)), 0, there.embedded)


def _walk(
    there: Scene, wanted: dict[Pattern, int], depth: int, states: Tensor
) -> Iterator[tuple[int, Tensor]]:
    if depth == there.duo.model.shape.layers:
        yield next(iter(wanted.values())), states
        return
    states, work = _attended(there, depth, states, Work()), Work()
    for option in sorted({pattern[depth] for pattern in wanted}):
        inside = {p: index for p, index in wanted.items() if p[depth] == option}
        choice = torch.full((states.shape[0] * states.shape[1],), option)
        yield from _walk(there, inside, depth + 1, _forked(there.duo, depth, states, choice, work))


Loss = Callable[[Tensor], Tensor]
"""Final normed states [B, T, d] -> the loss of each position [B, T], or of all together."""


def losses(there: Scene, patterns: Sequence[Pattern], loss: Loss) -> Tensor:
    """Return what `loss` says under each pattern, [patterns, ...]."""
    found: list[Tensor] = [there.final] * len(patterns)
    for index, states in leaves(there, patterns):
        found[index] = loss(there.duo.model.norm(states))
    return torch.stack(found)


def dealt(options: Tensor, classes: Tensor, generator: torch.Generator) -> Tensor:
    """Deal what was chosen, [..., B, T], anew among the positions of each class in [B, T]."""
    flat, kinds = options.flatten(-2).clone(), classes.flatten()
    for kind in set(kinds.tolist()):
        where = (kinds == kind).nonzero()[:, 0]
        flat[..., where] = flat[..., where[torch.randperm(len(where), generator=generator)]]
    return flat.view_as(options)


def chosen(patterns: Sequence[Pattern], best: Tensor) -> Tensor:
    """Turn indices of patterns [B, T] into options [layers, B, T]."""
    return torch.tensor(patterns)[best].permute(2, 0, 1)

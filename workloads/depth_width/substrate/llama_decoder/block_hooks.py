"""Hooks inside transformers' decoder layers: what a unit is given, which of its rows run, and what that costs.

Every matrix of a layer counts the rows that it is really given. While some rows of an attention are *gathered*,
queries that have a matrix of their own, attention itself and all matrices behind it run for these alone; keys and
values, and queries that share a fused matrix, are made for all.
"""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from adabench.workloads.depth_width.substrate.work_counter import Work

ATTENTION = "adabench"
"""The name under which transformers finds `gathered_attention`."""


@dataclass
class Gather:
    """Some rows of windows [n, T], while an attention runs for them alone."""

    kept: Tensor
    """Ascending flat indices."""
    sequences: int
    tokens: int
    past: bool = False
    """Whether attention itself is done, so that what follows is of the rows alone."""

    @property
    def laid(self) -> tuple[Tensor, Tensor, int]:
        """Return each row's sequence, its place among the rows of that sequence, and the most of one."""
        sequence = self.kept.div(self.tokens, rounding_mode="floor")
        lengths = torch.bincount(sequence, minlength=self.sequences)
        place = torch.arange(len(self.kept), device=self.kept.device)
        return sequence, place - (lengths.cumsum(0) - lengths)[sequence], int(lengths.max())


Unit = Callable[[int, Tensor, "Branch"], Tensor]
"""(unit, normed states [n, T, d], what would run) -> what its module is to return."""


@dataclass
class Hooks:
    """What the hooks of one model share while a layer runs."""

    unit: Unit | None = None
    work: Work = field(default_factory=Work)
    gather: Gather | None = None
    size: tuple[int, int] = (0, 0)
    """Windows, and their positions."""
    position_flops: int = 0
    """Of attending to one position in one layer, where `gathered_attention` does not count it."""


@dataclass(frozen=True)
class Branch:
    """A unit's module with everything that it is called with but its rows."""

    run: Callable[[Tensor], Tensor]
    x: Tensor
    """As the module was given it: [n, T, d], or [n T, d]."""
    hooks: Hooks
    attends: bool
    gathers: bool
    """Whether some rows can run alone; otherwise all of them do."""

    def whole(self) -> Tensor:
        """Return what all rows make of it, [n, T, d]."""
        made = self.run(self.x).view(*self.hooks.size, -1)
        if self.attends:
            work, (windows, tokens) = self.hooks.work, self.hooks.size
            work.kv_entries += windows * tokens
            work.kv_allocated += windows * tokens
            work.flops += windows * tokens**2 * self.hooks.position_flops
        return made

    def some(self, kept: Tensor) -> Tensor:
        """Return what some rows [kept, d] make of it; attention is to the keys of all."""
        flat, work = self.x.flatten(0, -2), self.hooks.work
        if not self.attends:
            rows = work.take(flat, kept)
            return self.run(rows if self.x.dim() == 2 else rows[None]).flatten(0, -2)
        if self.gathers:
            self.hooks.gather = Gather(kept, *self.hooks.size)
        try:
            return self.whole().flatten(0, 1).index_select(0, kept)
        finally:
            self.hooks.gather = None


def hook_unit(module: nn.Module, number: int, hooks: Hooks, others: int, *, gathers: bool) -> None:
    """Let `hooks.unit`, where there is one, say what a unit's module returns.

    Some modules are handed the residual and add it themselves: here it is added to whatever they return. `others` is
    how many things a module returns beside states, which nobody reads.
    """
    original = module.forward
    names = list(inspect.signature(original).parameters)

    def forward(*args: Any, **kwargs: Any) -> Any:
        if hooks.unit is None:
            return original(*args, **kwargs)
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        x, residual = given.pop(names[0]), given.pop("residual", None)

        def run(rows: Tensor) -> Tensor:
            nothing = {} if residual is None else {"residual": torch.zeros_like(rows)}
            made: Tensor = first(original(**{names[0]: rows}, **nothing, **given))
            return made

        branch = Branch(run, x, hooks, not number % 2, gathers)
        made = hooks.unit(number, x.reshape(*hooks.size, -1), branch).view_as(x)
        made = made if residual is None else made + residual
        more = (None,) * others
        return (made, *more) if more else made

    module.forward = forward


def first(made: Any) -> Any:
    """Return what a module made, without the weights or caches that some families add."""
    return made[0] if isinstance(made, tuple) else made


def hook_matrices(layer: nn.Module, attention: nn.Module, hooks: Hooks, routed: float) -> None:
    """Let every matrix of a layer count its rows; of experts a row meets a share of `routed`."""
    inside = {id(module) for module in attention.modules()}
    for name, module in layer.named_modules():
        own = [
            weight
            for kind, weight in module.named_parameters(recurse=False)
            if weight.dim() > 1 and "bias" not in kind
        ]
        if not own:
            continue
        per_row = sum(int(one.numel() * (routed if one.dim() == 3 else 1)) for one in own)
        early = name.rpartition(".")[2].startswith("q_")
        is_attention = id(module) in inside
        module.forward = partial(
            _product, module.forward, hooks, per_row, early if is_attention else None
        )


def _product(
    original: Callable[..., Any], hooks: Hooks, per_row: int, early: bool | None,
    x: Tensor, *args: Any, **kwargs: Any,
) -> Any:  # fmt: skip
    """Multiply rows and count them; of an attention that is gathered, some alone."""
    gather, work, rows = hooks.gather, hooks.work, x.numel() // x.shape[-1]
    if gather is None or early is None or not (early or gather.past):
        work.flops += 2 * rows * per_row
        return original(x, *args, **kwargs)
    made = original(work.take(x.reshape(rows, -1), gather.kept), *args, **kwargs)
    work.flops += 2 * len(gather.kept) * per_row
    work.moved += made.numel()
    all_rows = made.new_zeros(rows, made.shape[-1]).index_copy(0, gather.kept, made)
    return all_rows.view(*x.shape[:-1], -1)


def gathered_attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor, **kwargs: Any
) -> tuple[Tensor, None]:
    """Attend as the family's own plain attention does, with the queries of the gathered rows alone.

    Queries [n, heads, T, e], answers [n, T, heads, e].
    """
    plain = sys.modules[type(module).__module__].eager_attention_forward
    hooks: Hooks = module.hooks
    gather, work = hooks.gather, hooks.work
    if gather is None:
        work.flops += _attending(query, key, value)
        return plain(module, query, key, value, attention_mask, **kwargs)[0], None
    sequence, place, longest = gather.laid
    position = gather.kept % gather.tokens
    laid = query.new_zeros(len(query), longest, query.shape[1], query.shape[3])
    laid[sequence, place] = query[sequence, :, position]
    rows = attention_mask.expand(len(query), -1, -1, -1)
    mask = rows.new_zeros(len(query), longest, rows.shape[1], rows.shape[3])
    mask[sequence, place] = rows[sequence, :, position]
    made, _ = plain(module, laid.transpose(1, 2), key, value, mask.transpose(1, 2), **kwargs)
    out = made.new_zeros(*made.shape[:1], gather.tokens, *made.shape[2:])
    out[sequence, position] = made[sequence, place]
    work.flops += _attending(laid, key, value)
    work.moved += 2 * len(gather.kept) * query.shape[1] * query.shape[3]
    gather.past = True
    return out, None


def _attending(query: Tensor, key: Tensor, value: Tensor) -> int:
    rows = query.numel() // query.shape[-1]
    return 2 * rows * key.shape[-2] * (query.shape[-1] + value.shape[-1])

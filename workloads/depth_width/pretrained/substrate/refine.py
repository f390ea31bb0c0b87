"""The training that every retrofit of a pretrained model gets, and the share of its routers.

    loss = divergence from the whole model

Forecasters are trained for the same steps on the same windows; the model is frozen, and so are routers
(`skip_damage.py`). No word of the text is a label: a thinned model can come close to the whole one, but cannot
pass it by getting used to Brown. Every second position is heard, odd and even ones in turn, as the head would
be a third of a step. Products run in bfloat16 where the processor multiplies it, else in float32.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.pretrained.substrate.plans import RealRetrofit
from adabench.workloads.depth_width.substrate.llama_decoder import closed_form_fit
from adabench.workloads.depth_width.substrate.llama_decoder.hooked_decoder import CappedHead
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import (
    Decoder,
    Mix,
    Output,
    soft,
)
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Parts

RATE, CLIP = 5e-4, 1.0
WARMING = 5
"""Steps before the rate is reached: Adam's first ones are as long as the rate in every weight."""
SETTLED = 32
"""Windows on which routers are set to their share."""
MARGIN = 1.03
"""Routers replace this much more than they are asked for, since no two texts are alike."""
RARE = 0.03
"""A unit that fewer positions than this would skip is not asked."""
MORE = 0.12
"""Share by which more is skipped while it is found out who should be."""
HEARD = 2
"""Of so many positions one is heard in a step."""
ROWS = 128
"""Positions compared at a time."""
ROUNDS = 3
SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.6, 0.75, 0.9)


@dataclass(frozen=True)
class Text:
    """Windows, and what the whole model makes of them."""

    windows: Tensor
    """[n, T]."""
    states: Tensor
    """[n, T, d], the final ones."""

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield windows and states, a batch at a time."""
        split = (torch.split(each, closed_form_fit.BATCH) for each in (self.windows, self.states))
        return zip(*split, strict=True)


@dataclass(frozen=True)
class RealParts:
    """A plan's parts, the units whose rule is asked and the units that nobody runs."""

    parts: Parts
    asked: tuple[int, ...]
    gone: tuple[int, ...]
    shifts: dict[float, float]
    """Share of all unit executions that is replaced -> what to add to every logit for it."""


def empty(plan: RealRetrofit, width: int, count: int) -> Parts:
    """Return parts of a plan's kind with nothing in them."""
    assert plan.kind != "exits"
    made = Parts(plan.kind, plan.rank, width, count)
    for weight in made.parameters():
        nn.init.zeros_(weight)
    return made.requires_grad_(False)


@torch.no_grad()
def start(plan: RealRetrofit, seen: closed_form_fit.Seen) -> RealParts:
    """Return a plan's parts in closed form."""
    found = closed_form_fit.units(seen, plan.rank, forecast=plan.kind != "greedy")
    count, width = len(found), seen.rows[0].shape[1]
    parts = empty(plan, width, count)
    limit = closed_form_fit.price(found, seen, plan.sparsity)
    open_limit = closed_form_fit.price(found, seen, plan.sparsity + MORE)
    if plan.kind == "static":
        asked = gone = chosen(plan, found)
    else:
        gone = ()
        asked = tuple(
            index
            for index, unit in enumerate(found)
            if (unit.router.of(seen.rows[index].float()) <= open_limit).float().mean() >= RARE
        )
    for index in asked:
        _write(parts, index, found[index], limit)
    return RealParts(parts, asked, gone, {})


def chosen(plan: RealRetrofit, found: Sequence[closed_form_fit.Unit]) -> tuple[int, ...]:
    """Return the units that a static model does without; of `fitted` ones twice as many, to be
    judged.
    """
    count = round(plan.sparsity * len(found))
    if plan.order == "fitted":
        return closed_form_fit.least_harmful(list(found), min(2 * count, len(found)))
    return (closed_form_fit.evenly if plan.order == "uniform" else closed_form_fit.last)(
        len(found), count
    )


def _write(parts: Parts, index: int, unit: closed_form_fit.Unit, limit: float) -> None:
    router = parts.routers[index]
    assert isinstance(router, nn.Linear)
    router.weight[0, : len(unit.router.weight)] = unit.router.weight
    router.bias[0] = unit.router.bias - limit
    if unit.forecast is not None:
        _write_forecast(parts, index, unit.forecast)


def _write_forecast(parts: Parts, index: int, found: closed_form_fit.Forecast) -> None:
    parts.narrow[index].get_parameter("weight").copy_(found.narrow.T)
    parts.wide[index].get_parameter("weight").copy_(found.wide.T)
    parts.wide[index].get_parameter("bias").copy_(found.constant)


def refine(
    plan: RealRetrofit,
    model: Decoder,
    given: RealParts,
    text: Text,
    progress: Callable[[int, int], None],
) -> None:
    """Train the forecasters in place for the plan's steps, in as many rounds of the text as needed.

    Without forecasters nothing is trained: such parts are judged on more text instead.
    """
    trained = [
        weight
        for index in given.asked
        for module in (given.parts.narrow, given.parts.wide)
        if len(module)
        for weight in module[index].parameters()
    ]
    if not trained:
        return
    for weight in trained:
        weight.requires_grad_(True)
    optimiser = torch.optim.AdamW(trained, weight_decay=0.0)
    batches = list(text.batches())
    for step in range(plan.steps):
        warm = min(1.0, (step + 1) / (WARMING + 1))
        for group in optimiser.param_groups:
            group["lr"] = RATE * warm * (1 + math.cos(math.pi * step / plan.steps)) / 2
        optimiser.zero_grad()
        windows, goal = batches[step % len(batches)]
        first = (step + step // len(batches)) % HEARD
        states = soft(model, windows, _skipping(given))
        pull(model, states[:, first::HEARD], goal[:, first::HEARD])
        nn.utils.clip_grad_norm_(trained, CLIP)
        optimiser.step()
        progress(step + 1, plan.steps)
    given.parts.requires_grad_(False)


@torch.no_grad()
def divergence(model: Decoder, given: RealParts, text: Text) -> float:
    """Return the mean divergence of the whole model from the one with parts, in nats a position."""
    found = 0.0
    for windows, goal in text.batches():
        rows = model.norm(soft(model, windows, _skipping(given)))
        found += compared(model, rows, model.norm(goal))[0]
    return found / text.windows.numel()


def _skipping(
    given: RealParts,
    logits: Callable[[Tensor], None] = lambda said: None,
    shift: float = 0.0,
) -> Mix:
    """Return the mix by hard decisions that have no slope, `shift` added to every logit."""
    asked, gone, parts = frozenset(given.asked), frozenset(given.gone), given.parts

    def mix(unit: int, x: Tensor, output: Output) -> Tensor:
        if unit not in asked:
            return output()
        predicted = forecast(parts, unit, x)
        if unit in gone:
            assert predicted is not None
            return predicted
        with torch.no_grad():
            said = logit(parts, unit, x, predicted)
            logits(said)
            runs = (said + shift > 0)[..., None]
        return torch.where(runs, output(), torch.zeros_like(x) if predicted is None else predicted)

    return mix


@torch.no_grad()
def fit_again(plan: RealRetrofit, model: Decoder, given: RealParts, windows: Tensor) -> None:
    """Fit the forecasters again, in place, on rows of the model that skips."""
    if not len(given.parts.narrow):
        return
    met: dict[int, list[tuple[Tensor, Tensor]]] = {unit: [] for unit in given.asked}
    skips = _skipping(given)

    def mix(unit: int, x: Tensor, output: Output) -> Tensor:
        if unit not in met:
            return output()
        y = output()
        met[unit].append((x.flatten(0, 1), y.flatten(0, 1)))
        return skips(unit, x, lambda: y)

    for batch in torch.split(windows, closed_form_fit.BATCH):
        soft(model, batch, mix)
    for unit, pairs in met.items():
        x, y = (torch.cat(part).float() for part in zip(*pairs, strict=True))
        weight = None
        if not given.gone:
            out = given.parts.logit(unit, x, forecast(given.parts, unit, x)) <= 0
            weight = 1 + closed_form_fit.WEIGHT * out.float()
        _write_forecast(given.parts, unit, closed_form_fit.regress(x, y, plan.rank, weight))


def forecast(parts: Parts, unit: int, x: Tensor) -> Tensor | None:
    """Return what stands in for a unit, multiplied in the precision of the rows."""
    if not len(parts.narrow):
        return None
    narrow, wide = (
        module[unit].get_parameter("weight").to(x.dtype) for module in (parts.narrow, parts.wide)
    )
    constant = parts.wide[unit].get_parameter("bias").to(x.dtype)
    return F.linear(F.linear(x, narrow), wide, constant)


def logit(parts: Parts, unit: int, x: Tensor, predicted: Tensor | None) -> Tensor:
    """Return a router's logits of rows, in single precision."""
    return parts.logit(unit, x.float(), None if predicted is None else predicted.float())


@torch.no_grad()
def whole(model: Decoder, batch: Tensor) -> Tensor:
    """Return the final states of the unchanged model."""
    return soft(model, batch, lambda unit, x, output: output())


def read(model: Decoder, windows: Tensor) -> Text:
    """Return windows [n, T] with what the whole model makes of them."""
    return Text(
        windows,
        torch.cat([whole(model, part) for part in torch.split(windows, closed_form_fit.BATCH)]),
    )


def both(first: Text, second: Text) -> Text:
    """Return the windows of two."""
    return Text(
        torch.cat([first.windows, second.windows]), torch.cat([first.states, second.states])
    )


def pull(model: Decoder, states: Tensor, goal: Tensor, *, summed: bool = False) -> float:
    """Send the slope of the mean (or summed) divergence back through states [..., d]; return it."""
    rows = model.norm(states)
    with torch.no_grad():
        found, slope = compared(model, rows, model.norm(goal))
        share = 1.0 if summed else 1.0 / states[..., 0].numel()
    torch.autograd.backward(rows, share * slope)
    return share * found


@torch.no_grad()
def compared(model: Decoder, rows: Tensor, goal: Tensor) -> tuple[float, Tensor]:
    """Return the divergence of what is said of normed rows [..., d] from what is said of a goal's,
    summed, and its slope at the rows.

    A few rows at a time, for a row has 49,152 chances; slopes are written down and not found by
    `autograd`, which would go through all of these a dozen times.
    """
    head, found = model.head, 0.0
    cap = head.cap if isinstance(head, CappedHead) else 0.0
    slope = torch.empty_like(rows).flatten(0, -2)
    split = (torch.split(each.flatten(0, -2), ROWS) for each in (rows, goal))
    for index, (ours, theirs) in enumerate(zip(*split, strict=True)):
        said, wanted = (head(x).float() for x in (ours, theirs))
        q, p = said.softmax(-1), wanted.softmax(-1)
        found += float((_scale(said, q) - _scale(wanted, p)).sum())
        found += float(torch.dot(p.flatten(), wanted.sub_(said).flatten()))
        q.sub_(p)
        if cap:
            q.mul_(1 - (said / cap).square())
        slope[index * ROWS : (index + 1) * ROWS] = q.to(rows.dtype) @ head.weight
    return found, slope.view_as(rows)


def _scale(logits: Tensor, chances: Tensor) -> Tensor:
    """Return log sum exp of logits, by the chance of the largest."""
    return logits.amax(-1) - chances.amax(-1).log()


def shift(given: RealParts, share: float) -> float:
    """Return what to add to every logit to replace a share; between two known ones it is
    interpolated.
    """
    shares = sorted(given.shifts)
    return float(np.interp(share, shares, [given.shifts[known] for known in shares]))


@torch.no_grad()
def move(parts: Parts, asked: Sequence[int], by: float) -> None:
    """Add a number to the logits of routers, in place."""
    for index in asked:
        parts.routers[index].get_parameter("bias").add_(by)


@torch.no_grad()
def settle(plan: RealRetrofit, model: Decoder, given: RealParts, windows: Tensor) -> RealParts:
    """Set the routers to the plan's share, and note what to add to every logit for some others."""
    if given.gone:
        return given
    move(given.parts, given.asked, settling(plan, model, given, windows, plan.sparsity))
    flat = _logits(model, given, windows, 0.0)
    shifts = {share: round(_lowered(model, flat, windows, share), 4) for share in SHARES}
    own = shifts.get(plan.sparsity, 0.0)
    return replace(given, shifts={share: round(by - own, 4) for share, by in shifts.items()})


@torch.no_grad()
def settling(
    plan: RealRetrofit, model: Decoder, given: RealParts, windows: Tensor, share: float
) -> float:
    """Return what to add to every logit to replace a share; decisions change later logits: so
    again.
    """
    shift = 0.0
    for _ in range(ROUNDS):
        shift += _lowered(model, _logits(model, given, windows, shift), windows, share)
    return shift


@torch.no_grad()
def skipped(model: Decoder, given: RealParts, windows: Tensor, shift: float) -> dict[int, float]:
    """Return the share of the positions that skip each unit that is asked."""
    flat = _logits(model, given, windows, shift)
    parts = torch.split(flat, closed_form_fit.BATCH * windows.shape[1])
    found = dict.fromkeys(given.asked, 0.0)
    for unit, part in zip(itertools.cycle(sorted(given.asked)), parts, strict=False):
        found[unit] += float((part <= 0).sum()) / windows.numel()
    return found


def _lowered(model: Decoder, flat: Tensor, windows: Tensor, share: float) -> float:
    everything = 2 * model.shape.layers * windows.numel()
    return -quantile(flat, round(MARGIN * share * everything))


def _logits(model: Decoder, given: RealParts, windows: Tensor, shift: float) -> Tensor:
    """Return all logits, `shift` added, of windows read with it."""
    heard: list[Tensor] = []
    mix = _skipping(given, logits=lambda said: heard.append(said.flatten() + shift), shift=shift)
    for batch in torch.split(windows, closed_form_fit.BATCH):
        soft(model, batch, mix)
    return torch.cat(heard)


def quantile(flat: Tensor, count: int) -> float:
    """Return the value that `count` of the numbers do not exceed."""
    return float(flat.kthvalue(min(len(flat), max(1, count))).values)

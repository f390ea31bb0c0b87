"""The training that every retrofit of SmolLM2 gets, adaptive or static, and the share of its
routers.

    loss = divergence from the whole model + PRICE excess^2 + l excess,    l <- l + GAIN excess

`excess` is the share that runs less what is asked for; l is a price that grows while too much runs,
since a square alone leaves the share where the divergence pulls it.

Forecasters, and routers where there are any, are trained for the same number of steps on the same
windows; the model is frozen. The divergence is from the whole model's own predictions and no word
of the text is a label: a thinned model can come close to the whole one, but cannot pass it by
getting used to Brown, so that a loss against the whole model is a loss by skipping. Every second
position is heard, odd and even ones in turn: the head of 49,152 words would be half of a step.

Decisions are hard in the forward; backwards they have the slope of a logistic function. Unlike in
`retrofit.py` nothing is drawn: fitted routers (`real_harm.py`) are a start that has no need to try.
Even so routers come out worse than they went in (0.089 nats against 0.068 once they are fitted
anew, at 0.844 and 0.849 of the executions, on 32 windows of the fitting split), so they are fitted
again afterwards.

**Not kept.** Thin changes (rank 4) of all other matrices, trained along: nothing after thirty steps
(0.094 nats at 0.149 with them, 0.092 at 0.148 without), and 1 MB.

Products run in bfloat16 where the processor multiplies it, else in float32.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.ledger import real_fit
from adabench.workloads.ledger.real_model import Mix, Output, RealBackbone, soft
from adabench.workloads.ledger.real_recipes import RealRetrofit
from adabench.workloads.ledger.recipes import Retrofit
from adabench.workloads.ledger.retrofit import Parts

RATE, CLIP, PRICE, GAIN = 5e-4, 1.0, 20.0, 0.5
WARMING = 5
"""Steps before the rate is reached: Adam's first ones are as long as the rate in every weight."""
SETTLED = 48
"""Windows on which routers are set to their share."""
MARGIN = 1.03
"""Routers replace this much more than they are asked for, since no two texts are alike."""
RARE = 0.03
"""A unit that fewer positions than this would skip is not asked."""
MORE = 0.12
"""Share by which more is skipped while it is found out who should be."""
HEARD = 2
"""Of so many positions one is heard in a step."""
ROUNDS = 3
SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.6, 0.75, 0.9)


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
    like = Retrofit(plan.name, "smollm2", plan.seed, plan.kind, plan.sparsity, plan.rank)
    made = Parts(like, width, count)
    for weight in made.parameters():
        nn.init.zeros_(weight)
    return made.requires_grad_(False)


@torch.no_grad()
def start(plan: RealRetrofit, seen: real_fit.Seen) -> RealParts:
    """Return a plan's parts in closed form."""
    found = real_fit.units(seen, plan.rank, plan.sparsity, forecast=plan.kind != "greedy")
    count, width = len(found), seen.rows[0].shape[1]
    parts = empty(plan, width, count)
    limit = real_fit.price(found, seen, plan.sparsity)
    open_limit = real_fit.price(found, seen, plan.sparsity + MORE)
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


def chosen(plan: RealRetrofit, found: Sequence[real_fit.Unit]) -> tuple[int, ...]:
    """Return the units that a static model does without; of `fitted` ones twice as many, to be
    judged.
    """
    count = round(plan.sparsity * len(found))
    if plan.order == "fitted":
        return real_fit.least_harmful(list(found), min(2 * count, len(found)))
    return (real_fit.evenly if plan.order == "uniform" else real_fit.last)(len(found), count)


def _write(parts: Parts, index: int, unit: real_fit.Unit, limit: float) -> None:
    router = parts.routers[index]
    assert isinstance(router, nn.Linear)
    router.weight[0, : len(unit.router.weight)] = unit.router.weight
    router.bias[0] = unit.router.bias - limit
    if unit.forecast is not None:
        narrow, wide = parts.narrow[index], parts.wide[index]
        assert isinstance(narrow, nn.Linear)
        assert isinstance(wide, nn.Linear)
        narrow.weight.copy_(unit.forecast.narrow.T)
        wide.weight.copy_(unit.forecast.wide.T)
        wide.bias.copy_(unit.forecast.constant)


def refine(
    plan: RealRetrofit,
    model: RealBackbone,
    given: RealParts,
    windows: Tensor,
    progress: Callable[[int, int], None],
) -> None:
    """Train the parts in place on windows [steps x BATCH, T]."""
    parts, price = given.parts, 0.0
    trained = [
        weight
        for index in given.asked
        for module in (parts.routers, parts.narrow, parts.wide)
        if len(module) and not (module is parts.routers and given.gone)
        for weight in module[index].parameters()
    ]
    for weight in trained:
        weight.requires_grad_(True)
    optimiser = torch.optim.AdamW(trained, weight_decay=0.0)
    for step, batch in enumerate(torch.split(windows, real_fit.BATCH)):
        warm = min(1.0, (step + 1) / (WARMING + 1))
        for group in optimiser.param_groups:
            group["lr"] = RATE * warm * (1 + math.cos(math.pi * step / plan.steps)) / 2
        optimiser.zero_grad()
        loss, excess = _loss(plan, model, given, batch, step % HEARD, price)
        torch.autograd.backward(loss)
        price = max(0.0, price + GAIN * excess)
        nn.utils.clip_grad_norm_(trained, CLIP)
        optimiser.step()
        progress(step + 1, plan.steps)
    parts.requires_grad_(False)


def _loss(
    plan: RealRetrofit,
    model: RealBackbone,
    given: RealParts,
    batch: Tensor,
    first: int,
    price: float,
) -> tuple[Tensor, float]:
    """Return the loss over every `HEARD`th position from `first` on, and the excess."""
    ran: list[Tensor] = []
    states = soft(model, batch, _skipping(given, ran.append))
    loss = apart(model, states[:, first::HEARD], whole(model, batch)[:, first::HEARD])
    if given.gone:
        return loss, 0.0
    always = 2 * model.shape.layers - len(ran)
    spent = (torch.stack([m.mean() for m in ran]).sum() + always) / (2 * model.shape.layers)
    excess = spent - (1 - MARGIN * plan.sparsity)
    return loss + PRICE * excess.square() + price * excess, float(excess.detach())


def divergence(model: RealBackbone, given: RealParts, batch: Tensor) -> Tensor:
    """Return the mean divergence of the whole model from the one with parts, in nats a position."""
    return apart(model, soft(model, batch, _skipping(given)), whole(model, batch))


def _skipping(
    given: RealParts,
    ran: Callable[[Tensor], None] = lambda m: None,
    logits: Callable[[Tensor], None] = lambda said: None,
    shift: float = 0.0,
) -> Mix:
    """Return the mix by hard decisions, `shift` added to every logit."""
    asked, gone, parts = frozenset(given.asked), frozenset(given.gone), given.parts

    def mix(unit: int, x: Tensor, output: Output) -> Tensor:
        if unit not in asked:
            return output()
        predicted = forecast(parts, unit, x)
        if unit in gone:
            assert predicted is not None
            return predicted
        said = logit(parts, unit, x, predicted)
        logits(said)
        m = hard(said + shift)[..., None]
        ran(m)
        m = m.to(x.dtype)
        return m * output() if predicted is None else predicted + m * (output() - predicted)

    return mix


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
def whole(model: RealBackbone, batch: Tensor) -> Tensor:
    """Return the final states of the unchanged model."""
    return soft(model, batch, lambda unit, x, output: output())


def apart(model: RealBackbone, states: Tensor, goal: Tensor) -> Tensor:
    """Return the mean divergence of what is said of final states from what is said of a goal's."""
    with torch.no_grad():
        wanted = _chances(model, goal)
    found = F.kl_div(_chances(model, states), wanted, reduction="none", log_target=True)
    return found.sum(-1).mean()


def _chances(model: RealBackbone, states: Tensor) -> Tensor:
    found: Tensor = model.head(model.norm(states)).float().log_softmax(-1)
    return found


def hard(logit: Tensor) -> Tensor:
    """Return 1 where a logit is positive, with the slope of a logistic function."""
    soft_choice = torch.sigmoid(logit)
    return (logit > 0).float() + (soft_choice - soft_choice.detach())


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
def settle(plan: RealRetrofit, model: RealBackbone, given: RealParts, windows: Tensor) -> RealParts:
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
    plan: RealRetrofit, model: RealBackbone, given: RealParts, windows: Tensor, share: float
) -> float:
    """Return what to add to every logit to replace a share; decisions change later logits: so
    again.
    """
    shift = 0.0
    for _ in range(ROUNDS):
        shift += _lowered(model, _logits(model, given, windows, shift), windows, share)
    return shift


@torch.no_grad()
def skipped(
    model: RealBackbone, given: RealParts, windows: Tensor, shift: float
) -> dict[int, float]:
    """Return the share of the positions that skip each unit that is asked."""
    flat = _logits(model, given, windows, shift)
    parts = torch.split(flat, real_fit.BATCH * windows.shape[1])
    found = dict.fromkeys(given.asked, 0.0)
    for unit, part in zip(itertools.cycle(sorted(given.asked)), parts, strict=False):
        found[unit] += float((part <= 0).sum()) / windows.numel()
    return found


def _lowered(model: RealBackbone, flat: Tensor, windows: Tensor, share: float) -> float:
    everything = 2 * model.shape.layers * windows.numel()
    return -quantile(flat, round(MARGIN * share * everything))


def _logits(model: RealBackbone, given: RealParts, windows: Tensor, shift: float) -> Tensor:
    """Return all logits, `shift` added, of windows read with it."""
    heard: list[Tensor] = []
    mix = _skipping(given, logits=lambda said: heard.append(said.flatten() + shift), shift=shift)
    for batch in torch.split(windows, real_fit.BATCH):
        soft(model, batch, mix)
    return torch.cat(heard)


def quantile(flat: Tensor, count: int) -> float:
    """Return the value that `count` of the numbers do not exceed."""
    return float(flat.kthvalue(min(len(flat), max(1, count))).values)

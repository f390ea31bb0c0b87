"""The short training that every retrofit of SmolLM2 gets, adaptive or static, and its file.

    loss = divergence from the whole model + PRICE (share that runs - (1 - s))^2

Forecasters, routers where there are any, and thin changes of the other units' matrices
(`real_adapt.py`) are trained for the same number of steps on the same windows. The divergence is from the whole model's own predictions and no word of
the text is a label: a thinned model can come close to the whole one, but cannot pass it by getting
used to Brown, so that a loss against the whole model is a loss by skipping.

Decisions are hard in the forward; backwards they have the slope of a logistic function. Unlike in
`retrofit.py` nothing is drawn: closed-form routers (`real_fit.py`) are a start that has no need to try.

Products run in bfloat16 where the processor multiplies it, else in float32: sixty steps of 1,024
positions and the closed form are about five CPU minutes with it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.ledger import real_adapt, real_fit
from adabench.workloads.ledger.real_model import Output, RealBackbone, soft
from adabench.workloads.ledger.real_recipes import RealRetrofit
from adabench.workloads.ledger.recipes import Retrofit
from adabench.workloads.ledger.retrofit import Parts

RATE, ADAPTER_RATE, CLIP, PRICE = 5e-4, 2e-3, 1.0, 20.0
WARMING = 5
"""Steps before the rate is reached: Adam's first ones are as long as the rate in every weight."""
SETTLED = 8
"""Windows on which routers are set to their share and divergences are noted."""
RARE = 0.03
"""A unit that fewer positions than this would skip is not asked."""
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
    if plan.kind == "static":
        asked = gone = chosen(plan, found)
    else:
        gone = ()
        asked = tuple(
            index
            for index, unit in enumerate(found)
            if (unit.router.of(seen.rows[index].float()) <= limit).float().mean() >= RARE
        )
    for index in asked:
        _write(parts, index, found[index], limit)
    return RealParts(parts, asked, gone, {})


def chosen(plan: RealRetrofit, found: Sequence[real_fit.Unit]) -> tuple[int, ...]:
    """Return the units that a static model does without."""
    count = round(plan.sparsity * len(found))
    if plan.order == "fitted":
        return real_fit.least_harmful(list(found), count)
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
    student: RealBackbone,
    given: RealParts,
    windows: Tensor,
    progress: Callable[[int, int], None],
) -> None:
    """Train the parts and the student's changes in place on windows [steps x BATCH, T]."""
    parts = given.parts
    trained = [
        weight
        for index in given.asked
        for module in (parts.routers, parts.narrow, parts.wide)
        if len(module) and not (module is parts.routers and given.gone)
        for weight in module[index].parameters()
    ]
    for weight in trained:
        weight.requires_grad_(True)
    changes = real_adapt.changes(student)
    groups = [{"params": trained, "peak": RATE}, {"params": changes, "peak": ADAPTER_RATE}]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.0)
    for step, batch in enumerate(torch.split(windows, real_fit.BATCH)):
        warm = min(1.0, (step + 1) / (WARMING + 1))
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * warm * (1 + math.cos(math.pi * step / plan.steps)) / 2
        optimiser.zero_grad()
        torch.autograd.backward(_loss(plan, model, student, given, batch))
        for group in optimiser.param_groups:
            nn.utils.clip_grad_norm_(group["params"], CLIP)
        optimiser.step()
        progress(step + 1, plan.steps)
    parts.requires_grad_(False)
    student.requires_grad_(False)


def _loss(
    plan: RealRetrofit,
    model: RealBackbone,
    student: RealBackbone,
    given: RealParts,
    batch: Tensor,
) -> Tensor:
    ran: list[Tensor] = []
    apart = divergence(model, student, given, batch, ran.append)
    if given.gone:
        return apart
    always = 2 * model.shape.layers - len(ran)
    spent = (torch.stack([m.mean() for m in ran]).sum() + always) / (2 * model.shape.layers)
    return apart + PRICE * (spent - (1 - plan.sparsity)).square()


def divergence(
    model: RealBackbone,
    student: RealBackbone,
    given: RealParts,
    batch: Tensor,
    hear: Callable[[Tensor], None] = lambda m: None,
    logits: Callable[[Tensor], None] = lambda logit: None,
) -> Tensor:
    """Return the mean divergence of the whole model from the one with parts, in nats a position."""
    asked, gone, parts = frozenset(given.asked), frozenset(given.gone), given.parts

    def mix(unit: int, x: Tensor, output: Output) -> Tensor:
        if unit not in asked:
            return output()
        whole = x.float()
        predicted = parts.forecast(unit, whole)
        if unit in gone:
            assert predicted is not None
            return predicted.to(x.dtype)
        logit = parts.logit(unit, whole, predicted)
        logits(logit)
        m = hard(logit)[..., None]
        hear(m)
        run = m.to(x.dtype) * output()
        return run if predicted is None else run + ((1 - m) * predicted).to(x.dtype)

    said = _chances(student, soft(student, batch, mix))
    with torch.no_grad():
        goal = _chances(model, soft(model, batch, lambda unit, x, output: output()))
    return F.kl_div(said, goal, reduction="none", log_target=True).sum(-1).mean()


def _chances(model: RealBackbone, states: Tensor) -> Tensor:
    found: Tensor = model.head(model.norm(states)).float().log_softmax(-1)
    return found


def hard(logit: Tensor) -> Tensor:
    """Return 1 where a logit is positive, with the slope of a logistic function."""
    soft_choice = torch.sigmoid(logit)
    return (logit > 0).float() + (soft_choice - soft_choice.detach())


def shift(given: RealParts, share: float) -> float:
    """Return what to add to every logit to replace a share; between two known ones it is interpolated."""
    shares = sorted(given.shifts)
    return float(np.interp(share, shares, [given.shifts[known] for known in shares]))


@torch.no_grad()
def move(parts: Parts, asked: Sequence[int], by: float) -> None:
    """Add a number to the logits of routers, in place."""
    for index in asked:
        parts.routers[index].get_parameter("bias").add_(by)


@torch.no_grad()
def settle(
    plan: RealRetrofit,
    model: RealBackbone,
    student: RealBackbone,
    given: RealParts,
    windows: Tensor,
) -> RealParts:
    """Note for some shares what to add to every logit, and set the routers to the plan's own."""
    if given.gone:
        return given
    heard: list[Tensor] = []
    divergence(model, student, given, windows, logits=lambda logit: heard.append(logit.flatten()))
    flat = torch.cat(heard)
    everything = 2 * model.shape.layers * windows.numel()
    own = _quantile(flat, plan.sparsity * everything)
    shifts = {share: round(own - _quantile(flat, share * everything), 4) for share in SHARES}
    move(given.parts, given.asked, -own)
    return RealParts(given.parts, given.asked, given.gone, shifts)


def _quantile(flat: Tensor, count: float) -> float:
    """Return the value that `count` of the numbers do not exceed."""
    return float(flat.kthvalue(min(len(flat), max(1, round(count)))).values)

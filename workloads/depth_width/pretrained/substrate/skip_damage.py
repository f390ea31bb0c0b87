"""What skipping really costs a pretrained model, read along the way from running to skipping.

`closed_form_fit.py` takes a skip's harm from slopes at the whole model, which is the cost of a *small* error.
Here the divergence itself is shared out among the skips that caused it:

    harm(unit, t) = 3/4 (q(x) - f(x)) . G(2/3)

G(a) is the slope of the divergence at the unit's output, with every skipped output at f + a (q - f). The integral
of the slope from running to skipping (integrated gradients, Sundararajan et al., arXiv 1703.01365) makes all
harms together the divergence; 3/4 G(2/3) is that integral if G grows as b a + c a^2. One backward pass says it
for all units and positions.

**Who is judged.** Rows that a router skips at its plan's share and `MORE` on top of it; the others are taken to
cost twice their mean. Routers are fitted to that, with harms below `FLOOR` taken as that, judged on other
windows, and fitted to both; what has no forecasters is judged a third time. Of a static model twice the units
that are to go are skipped by everyone, and those with the least harm go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from adabench.workloads.depth_width.pretrained.substrate import refine
from adabench.workloads.depth_width.pretrained.substrate.plans import RealRetrofit
from adabench.workloads.depth_width.pretrained.substrate.refine import RealParts
from adabench.workloads.depth_width.substrate.llama_decoder import closed_form_fit
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import (
    Decoder,
    Output,
    soft,
)

RIDGE, FLOOR = 0.5, 3e-3
"""The floor in nats."""
WAY, WEIGHT = 2 / 3, 3 / 4
"""Where on the way slopes are read, and what they weigh: exact if they grow as a way + b way^2."""
FEW = 12
"""Windows on which a share is set for a judgement."""


@dataclass(frozen=True)
class Judged:
    """What one unit's skips cost on all rows of some windows, one below the other."""

    rows: Tensor
    """[N, d], of the model that skips; half precision."""
    harm: Tensor
    """[N], nats that a skip adds to the divergences of all positions; 0 where it ran."""
    skipped: Tensor
    """[N]."""


Rounds = tuple[Mapping[int, Judged], ...]


def judged(
    plan: RealRetrofit,
    model: Decoder,
    given: RealParts,
    text: refine.Text,
    rounds: Rounds = (),
) -> tuple[RealParts, Rounds]:
    """Return parts whose routers, or whose choice of units, go by what skipping costs.

    `rounds` are earlier judgements of the same forecasters; routers are fitted to all.
    """
    if plan.kind == "static":
        wanted = round(plan.sparsity * 2 * model.shape.layers)
        thin = plan.order == "fitted" and len(given.gone) > wanted
        return (_thinned(model, given, text, wanted) if thin else given), rounds
    few = text.windows[:FEW]
    shift = refine.settling(plan, model, given, few, plan.sparsity + refine.MORE)
    rounds = (*rounds, judge(model, given, text, shift))
    return _rerouted(plan, model, given, rounds), rounds


def _rerouted(
    plan: RealRetrofit,
    model: Decoder,
    given: RealParts,
    rounds: Rounds,
) -> RealParts:
    """Fit all routers again, their price set to the plan's share of the rows judged last."""
    fitted = {
        unit: _router(_joined([judgement[unit] for judgement in rounds])) for unit in given.asked
    }
    said = {unit: fitted[unit].of(rounds[-1][unit].rows.float()) for unit in given.asked}
    everything = 2 * model.shape.layers * len(next(iter(said.values())))
    count = round(refine.MARGIN * plan.sparsity * everything)
    limit = refine.quantile(torch.cat(list(said.values())), count)
    for unit in given.asked:
        _write(given, unit, fitted[unit], limit)
    return given


def worth_asking(
    plan: RealRetrofit, model: Decoder, given: RealParts, windows: Tensor
) -> RealParts:
    """Drop the units that hardly any row skips: a router and a forecaster less each."""
    if given.gone:
        return given
    shift = refine.settling(plan, model, given, windows, plan.sparsity)
    shares = refine.skipped(model, given, windows, shift)
    asked = tuple(unit for unit in given.asked if shares[unit] >= refine.RARE)
    return replace(given, asked=asked)


def _thinned(model: Decoder, given: RealParts, text: refine.Text, count: int) -> RealParts:
    """Keep of the units that are to go those that do the least harm when all of them go."""
    found = judge(model, given, text, 0.0)
    order = sorted(given.gone, key=lambda unit: float(found[unit].harm.mean()))
    gone = tuple(sorted(order[:count]))
    return replace(given, asked=gone, gone=gone)


def _router(one: Judged) -> closed_form_fit.Router:
    """Fit a unit's router; rows that ran cost twice the mean of those that did not."""
    skipped = one.harm[one.skipped].clamp_min(0)
    ran = 2 * float(skipped.mean()) if len(skipped) else FLOOR
    harm = torch.where(one.skipped, one.harm, ran)
    return closed_form_fit.router(one.rows.float(), harm, FLOOR, RIDGE)


@torch.no_grad()
def _write(given: RealParts, unit: int, found: closed_form_fit.Router, limit: float) -> None:
    router = given.parts.routers[unit]
    assert isinstance(router, nn.Linear)
    router.weight.zero_()
    router.weight[0, : len(found.weight)] = found.weight
    router.bias[0] = found.bias - limit


def judge(
    model: Decoder, given: RealParts, text: refine.Text, shift: float
) -> Mapping[int, Judged]:
    """Share out the divergence among the skips that `shift` on the logits makes."""
    found: dict[int, list[Judged]] = {unit: [] for unit in given.asked}
    for windows, goal in text.batches():
        for unit, one in _slopes(model, given, windows, goal, shift).items():
            found[unit].append(one)
    return {unit: _joined(parts) for unit, parts in found.items()}


def _joined(parts: list[Judged]) -> Judged:
    rows, harm, skipped = zip(*((one.rows, one.harm, one.skipped) for one in parts), strict=True)
    return Judged(torch.cat(rows), torch.cat(harm), torch.cat(skipped))


def _slopes(
    model: Decoder, given: RealParts, windows: Tensor, goal: Tensor, shift: float
) -> dict[int, Judged]:
    """Return each skip's error times its slope, with skipped outputs at `WAY` between both."""
    asked = frozenset(given.asked)
    rows: dict[int, Tensor] = {}
    chosen: dict[int, Tensor] = {}
    errors: dict[int, Tensor] = {}
    leaves: dict[int, Tensor] = {}

    def mix(unit: int, x: Tensor, output: Output) -> Tensor:
        y = output()
        if unit not in asked:
            return y
        predicted = refine.forecast(given.parts, unit, x)
        out = _out(given, unit, x, predicted, shift)
        error = (-y if predicted is None else predicted - y) * out.view(*x.shape[:-1], 1)
        rows[unit], chosen[unit] = x.detach().flatten(0, 1), out
        errors[unit] = error.detach().flatten(0, 1)
        leaves[unit] = torch.zeros_like(y, requires_grad=True)
        return y + WAY * error + leaves[unit]

    refine.pull(model, soft(model, windows, mix), goal, summed=True)
    return {
        unit: Judged(rows[unit], WEIGHT * _dot(leaf.grad, errors[unit]), chosen[unit])
        for unit, leaf in leaves.items()
    }


@torch.no_grad()
def _out(given: RealParts, unit: int, x: Tensor, predicted: Tensor | None, shift: float) -> Tensor:
    """Return which rows of x [B, T, d] skip a unit, [B T]."""
    if unit in given.gone:
        return torch.ones(x[..., 0].numel(), dtype=torch.bool)
    return (refine.logit(given.parts, unit, x, predicted) + shift <= 0).flatten()


def _dot(slope: Tensor | None, error: Tensor) -> Tensor:
    assert slope is not None
    return (slope.flatten(0, 1).float() * error.float()).sum(-1)

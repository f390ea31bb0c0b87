"""Do routers run a unit where its forecast would have been wrong: the card's fourth criterion.

For every unit whose forecaster stands in for some positions, the error of a forecast at each
position, |f(x) - q(x)|, on the states that the routed model itself meets there. The unit's median
splits positions into hard and easy to recover; the AUC of the router's decision against that
split is 1/2 if the router does not care and 1 if it runs exactly what is hard.

*Which forecaster?* The one that was trained with the router, or the closed form it started from.
Seeds 0, 1, 2, 64 sequences each, informed routing at 0.6, +- 0.004: 0.613, 0.576, 0.608 against
the closed form, 0.482, 0.390, 0.475 against the trained one. Routers do run what a plain fit
cannot recover. The trained forecaster is held to the unit nowhere: where the unit's output does
not matter, and the router skips it for that reason, the forecast drifts away from it at no price.
So its error is larger where the unit is skipped, and the criterion, read with it, fails.

A judgement of decisions, taken with every unit run: nothing here is a method or costs it anything.
"""

import torch
from torch import Tensor

from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Fitted, Parts

RARE = 0.02
"""A unit that runs for fewer of the positions, or for all but so few, decides nothing."""


def aucs(fitted: Fitted, tokens: Tensor, judge: Parts | None = None) -> Tensor:
    """Return the AUC of each sequence of tokens [n, T], averaged over the units that decide, [n].

    `judge` holds the forecasters whose errors count; None: the model's own.

    Raises:
        ValueError: if there is no forecaster.
    """
    judge = judge or fitted.parts
    found: list[Tensor] = []

    def mix(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        predicted, judged = fitted.parts.forecast(unit, x), judge.forecast(unit, x)
        if predicted is None or judged is None:
            raise ValueError(f"A part of kind {fitted.parts.kind} forecasts nothing to judge.")
        run, whole = fitted.parts.logit(unit, x, predicted) > 0, output()
        if RARE < float(run.float().mean()) < 1 - RARE:
            error = (whole - judged).norm(dim=-1)
            found.append(_auc(run, error > error.median()))
        return torch.where(run[..., None], whole, predicted)

    with torch.no_grad():
        unit_forward.soft(fitted.model, tokens, mix)
    return torch.stack(found).nanmean(0)


def _auc(run: Tensor, hard: Tensor) -> Tensor:
    """Return the AUC of decisions [n, T] against a split [n, T], ties counting half, [n]."""
    caught = (run & hard).sum(-1) / hard.sum(-1)
    wasted = (run & ~hard).sum(-1) / (~hard).sum(-1)
    return (1 + caught - wasted) / 2

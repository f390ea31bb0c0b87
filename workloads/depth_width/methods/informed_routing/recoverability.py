"""Do routers run a unit where its forecast would have been wrong: the card's fourth criterion.

For every unit whose forecaster stands in for some positions, the error of a forecast at each
position, |f(x) - q(x)|, on the states that the routed model itself meets there. The unit's median
splits positions into hard and easy to recover; the AUC of the router's decision against that
split is 1/2 if the router does not care and 1 if it runs exactly what is hard.

*Which forecaster?* Cards of informed routing note both: the closed form that training started from
(`started`), and the one that was trained with the router (`trained`). A trained forecaster is held
to its unit nowhere: where the unit's output does not matter, and the router skips it for that
reason, the forecast drifts away from it at no price.

A judgement of decisions, taken with every unit run: nothing here is a method or costs it anything.
"""

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.depth_width.substrate.stream import draw
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Fitted, Parts

SEED, SEQUENCES = 998, 32
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


def noted(fitted: Fitted, start: Parts) -> dict[str, float]:
    """Return the mean AUC on held-out sequences, by the forecasters of the start and by its own."""
    generator = np.random.Generator(np.random.PCG64(SEED))
    tokens = torch.from_numpy(np.ascontiguousarray(draw(generator, SEQUENCES).inputs))
    found = {"started": aucs(fitted, tokens, start), "trained": aucs(fitted, tokens)}
    return {name: round(float(values.mean()), 4) for name, values in found.items()}

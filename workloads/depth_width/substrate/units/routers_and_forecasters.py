"""Routers and forecasters for a frozen backbone: what they are, and how they decide.

Each of the 2 L units (`unit_forward.py`) has a router, one linear map to a logit m > 0, and, where
the kind asks for one, a *forecaster* q(x) = U V x + b of rank r that stands in for the unit:

    informed   h + m f(x) + (1 - m) q(x)    the router reads [x ; q(x)]
    blind      h + m f(x) + (1 - m) q(x)    the router reads x alone (the ablation)
    static     h + m f(x) + (1 - m) q(x)    m is the same for every position
    greedy     h + m f(x)                   the router reads x alone (skip or run)
    tuned      greedy, on a backbone that was fine-tuned with LoRA
    coins      h + m f(x) + (1 - m) q(x)    m is a coin, at the rate that an informed router had
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.work_counter import Work

Kind = Literal["informed", "blind", "greedy", "tuned", "static", "coins"]
OPEN = 2.0
"""Routers start with everything on."""


class Parts(nn.Module):
    """What is added to a backbone: for each unit a router and perhaps a forecaster."""

    def __init__(self, kind: str, rank: int, width: int, count: int) -> None:
        super().__init__()
        self.kind, self.rank = kind, rank
        reads = 2 * width if kind == "informed" else width
        self.routers = nn.ModuleList(nn.Linear(reads, 1) for _ in range(count))
        forecasts = kind in ("informed", "blind", "static", "coins")
        self.narrow = nn.ModuleList(
            nn.Linear(width, rank, bias=False) for _ in range(count * forecasts)
        )
        self.wide = nn.ModuleList(nn.Linear(rank, width) for _ in range(count * forecasts))
        self.said = nn.Identity()
        """Every logit of `rule` goes through here: a timing twin hears and repeats it."""
        for router in self.routers:
            assert isinstance(router, nn.Linear)
            nn.init.normal_(router.weight, std=0.02)
            nn.init.constant_(router.bias, OPEN)

    def forecast(self, unit: int, x: Tensor) -> Tensor | None:
        """Return what stands in for a unit, or None if nothing does."""
        if not len(self.narrow):
            return None
        predicted: Tensor = self.wide[unit](self.narrow[unit](x))
        return predicted

    def logit(self, unit: int, x: Tensor, predicted: Tensor | None) -> Tensor:
        """Return the router's logit of running the unit, [...]."""
        if self.kind == "informed" and predicted is not None:
            x = torch.cat((x, predicted), dim=-1)
        logit: Tensor = self.routers[unit](x)[..., 0]
        return logit

    def folded(self, unit: int) -> tuple[Tensor, Tensor | None, Tensor]:
        """Return a router as weights of the state [d], of the forecast's code [r], and a constant.

        w . (x ; U z + b) = w_x . x + (U' w_q) . z + w_q . b, where z = V x is the code: so the
        router sees the forecast before anybody has made it.
        """
        router = self.routers[unit]
        assert isinstance(router, nn.Linear)
        weight, constant = router.weight[0], router.bias
        if self.kind != "informed":
            return weight, None, constant
        wide = self.wide[unit]
        assert isinstance(wide, nn.Linear)
        own, seen = weight[: wide.out_features], weight[wide.out_features :]
        return own, torch.mv(wide.weight.T, seen), constant + torch.dot(wide.bias, seen)

    def one_map(self, unit: int) -> tuple[Tensor, Tensor]:
        """Return a router as weights of the state alone, [d], and a constant: z = V x put in."""
        own, seen, constant = self.folded(unit)
        if seen is None:
            return own, constant
        return own + torch.mv(self.narrow[unit].get_parameter("weight").T, seen), constant


def run_logits(parts: Parts, rows: Tensor, weight: Tensor, constant: Tensor) -> Tensor:
    """Return the log-odds [n] that each position runs a unit, by the one map of its router."""
    logits: Tensor = parts.said(torch.mv(rows, weight).add_(constant))
    return logits


def rule(parts: Parts, shift: float = 0.0) -> unit_forward.Rule:
    """Return the trained decision; `shift` is added to every logit.

    Router and forecast are linear, so a router is one map of the state, multiplied out at its first
    unit and counted (`Parts.one_map`); a forecast is made for those alone who take it.
    """
    folded: dict[int, tuple[Tensor, Tensor]] = {}

    def decide(unit: int, rows: Tensor, work: Work) -> unit_forward.Choice:
        n, d = rows.shape
        if unit not in folded:
            folded[unit] = parts.one_map(unit)
            work.flops += 2 * d * (2 * parts.rank + 1) if parts.kind == "informed" else 0
        weight, constant = folded[unit]
        work.flops += 2 * n * d
        run = run_logits(parts, rows, weight, constant) > -shift
        keep = run.nonzero()[:, 0]
        if len(keep) == n or not len(parts.narrow):
            return unit_forward.Choice(keep)
        gone = (~run).nonzero()[:, 0]
        code = work.linear(parts.narrow[unit], work.take(rows, gone))
        return unit_forward.Choice(keep, work.linear(parts.wide[unit], code), gone)

    return decide


def chosen(run: Tensor, predicted: Tensor | None, work: Work) -> unit_forward.Choice:
    """Turn decisions [n] and forecasts of all rows into a choice."""
    keep = run.nonzero()[:, 0]
    if predicted is None or len(keep) == len(run):
        return unit_forward.Choice(keep)
    return unit_forward.Choice(keep, work.take(predicted, (~run).nonzero()[:, 0]))


@dataclass(frozen=True)
class Fitted:
    """A backbone and the parts that decide which of its units run."""

    model: Backbone
    parts: Parts


def restored(model: Backbone, kind: Kind, rank: int, weights: Mapping[str, Tensor]) -> Fitted:
    """Return a backbone with the parts of a file."""
    parts = Parts(kind, rank, model.shape.width, 2 * model.shape.layers)
    parts.load_state_dict(checkpoints.part(weights, "parts."))
    return Fitted(model, parts.eval().requires_grad_(False))


@torch.no_grad()
def toss(parts: Parts, rates: Sequence[float]) -> None:
    """Turn routers into coins: constants, the log-odds of these rates, that nothing trains."""
    for router, rate in zip(parts.routers, rates, strict=True):
        odds = min(max(rate, 1e-4), 1 - 1e-4)
        router.get_parameter("weight").zero_()
        router.get_parameter("bias").fill_(math.log(odds / (1 - odds)))
        router.requires_grad_(False)


def constant(parts: Parts) -> unit_forward.Rule:
    """Return the decision that is the same for every position, and costs nothing."""

    def decide(unit: int, rows: Tensor, work: Work) -> unit_forward.Choice:
        if stays(parts, unit):
            return unit_forward.Choice()
        code = work.linear(parts.narrow[unit], rows)
        nobody = torch.empty(0, dtype=torch.long)
        return unit_forward.Choice(nobody, work.linear(parts.wide[unit], code))

    return decide


def stays(parts: Parts, unit: int) -> bool:
    """Say whether everybody runs a unit."""
    return bool(parts.routers[unit].get_parameter("bias")[0] > 0)

"""How routers and forecasters are trained on a frozen backbone.

*Forecasters* start in closed form: ridge regression of the unit's output on its input, truncated to rank r by
the singular vectors of what it predicts. Then decisions are hard in the forward and logistic-Gumbel in the
backward (tau 1 -> 0.1):

    loss = next token, weight 3 on answers + divergence from the full model + PRICE (mean of m - target)^2

The target falls from 1 to 1 - s over the first half, one for all units. Every kind has the same data, steps and
rate; `tuned` has LoRA of rank 8 on every matrix beside it, and twice the steps. *Random routing*
(`CoinsRecipe`) trains forecasters alone: each router is the log-odds of the share that informed routing ran.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.stream import draw
from adabench.workloads.depth_width.substrate.train_backbone import (
    BackboneRecipe,
    Batch,
    answer_loss,
    even_batches,
)
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import (
    Fitted,
    Kind,
    Parts,
    restored,
    toss,
)
from adabench.workloads.depth_width.substrate.units.unit_reader import held_out
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.int8_packing import LEVELS
from adabench.workloads.shared.training.schedule import cosine_by_share
from adabench.workloads.shared.training.trainer import Trainer, seeded

RATE, CLIP = 5e-3, 1.0
PRICE = 20.0
TAU = (1.0, 0.1)
RIDGE = 1e-3
CALIBRATION_SEED, CALIBRATION = 555, 200
LORA_RANK = 8
LORA_RATE = 3e-3
STREAM = 31  # training streams of retrofits are keyed apart from those of the backbones


@dataclass(frozen=True)
class RetrofitRecipe:
    """Parts to be trained on a frozen backbone, from which seed."""

    name: str
    base: BackboneRecipe
    seed: int
    home: Path
    kind: Kind
    sparsity: float
    """Share of the unit executions that are to be replaced."""
    rank: int = 8
    steps: int = 200
    forecast_s: int = 35
    levels: int = LEVELS
    """Of the packed file (`int8_packing.py`)."""

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train parts on the backbone, which is read from where it is shipped."""
        base = self.base.load()
        parts = train(self, base, progress)
        weights = checkpoints.below("parts.", parts.state_dict()) | changes(base)
        checkpoints.write(weights, folder / f"{self.name}{SUFFIX}", levels=self.levels)
        fitted = self.load(folder)
        return checkpoints.describe(self, folder, **self.facts(fitted))

    def facts(self, fitted: Fitted) -> dict[str, Any]:
        """Return what the card says of the file."""
        found: dict[str, Any] = {"held_out": held_out(fitted)}
        if self.kind == "informed":
            start = train(replace(self, steps=0), self.base.load())
            found["recoverability"] = noted(fitted, start)
        return found

    def load(self, folder: Path | None = None) -> Fitted:
        """Return the backbone with its parts, in fp32."""
        weights = checkpoints.weights(self, folder)
        model = self.base.load()
        change(model, checkpoints.part(weights, "low."))
        return restored(model, self.kind, self.rank, weights)


@dataclass(frozen=True)
class CoinsRecipe(RetrofitRecipe):
    """Forecasters trained under coins at the rates of a trained router."""

    like: RetrofitRecipe | None = None
    """The router whose rates the random router has."""

    def facts(self, fitted: Fitted) -> dict[str, Any]:
        """Return what the card says of the file: the rates."""
        odds = (router.get_parameter("bias")[0] for router in fitted.parts.routers)
        return {"rates": [round(float(torch.sigmoid(one)), 4) for one in odds]}


def train(
    plan: RetrofitRecipe, base: Backbone, progress: Progress = lambda done, steps: None
) -> Parts:
    """Train the parts of a plan on a frozen backbone. A `tuned` one changes `base` in place."""
    with seeded(STREAM * 1000 + plan.seed):
        parts = Parts(plan.kind, plan.rank, base.shape.width, 2 * base.shape.layers)
        teacher = base if plan.kind != "tuned" else _copy(base)
        if len(parts.narrow):
            _fit_forecasters(parts, base)
        if isinstance(plan, CoinsRecipe) and plan.like is not None:
            toss(parts, rates_of(plan.like.load()))
        low = adapters(base) if plan.kind == "tuned" else []
        _fit(plan, base, teacher, parts, low, progress)
    return parts.eval().requires_grad_(False)


@torch.no_grad()
def rates_of(fitted: Fitted) -> list[float]:
    """Return the share of calibration positions that a trained router lets run each unit."""
    generator, found = np.random.Generator(np.random.PCG64(CALIBRATION_SEED)), list[float]()
    inputs = torch.from_numpy(np.ascontiguousarray(draw(generator, CALIBRATION).inputs))

    def decide(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        predicted = fitted.parts.forecast(unit, x)
        m = (fitted.parts.logit(unit, x, predicted) > 0).float()[..., None]
        found.append(float(m.mean()))
        return m * output() + (1 - m) * (0.0 if predicted is None else predicted)

    unit_forward.soft(fitted.model, inputs, decide)
    return found


def _copy(base: Backbone) -> Backbone:
    same = Backbone(base.shape)
    same.load_state_dict(base.state_dict())
    return same.eval().requires_grad_(False)


@torch.no_grad()
def _fit_forecasters(parts: Parts, base: Backbone) -> None:
    """Fit every unit's output from its input, in closed form."""
    generator = np.random.Generator(np.random.PCG64(CALIBRATION_SEED))
    inputs = torch.from_numpy(np.ascontiguousarray(draw(generator, CALIBRATION).inputs))

    def fit(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        found = output()
        _regress(parts, unit, x.flatten(0, 1).double(), found.flatten(0, 1).double())
        return found

    unit_forward.soft(base, inputs, fit)


def _fit(
    plan: RetrofitRecipe,
    base: Backbone,
    teacher: Backbone,
    parts: Parts,
    low: list[nn.Parameter],
    progress: Progress,
) -> None:
    groups = [{"params": list(parts.parameters()), "lr": RATE}]
    groups += [{"params": low, "lr": LORA_RATE}] if low else []
    optimiser = torch.optim.AdamW(groups, weight_decay=0.0)
    batches = even_batches(STREAM, plan.seed)

    def loss(step: int) -> Tensor:
        share = step / plan.steps
        tau = TAU[0] + (TAU[1] - TAU[0]) * share
        on = 1 - plan.sparsity * min(1.0, 2 * share)
        return _loss(base, teacher, parts, next(batches), tau, on)

    trainer = Trainer(optimiser, schedule=cosine_by_share(plan.steps), clip=CLIP)
    trainer.fit(loss, plan.steps, progress)


def _loss(
    base: Backbone, teacher: Backbone, parts: Parts, batch: Batch, tau: float, on: float
) -> Tensor:
    decisions: list[Tensor] = []

    def mix(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        predicted = parts.forecast(unit, x)
        m = straight_through(parts.logit(unit, x, predicted), tau)[..., None]
        decisions.append(m)
        return m * output() if predicted is None else m * output() + (1 - m) * predicted

    logits = base.head(base.norm(unit_forward.soft(base, batch.inputs, mix)))
    with torch.no_grad():
        whole = unit_forward.soft(teacher, batch.inputs, lambda unit, x, output: output())
        goal = teacher.head(teacher.norm(whole)).log_softmax(-1)
    apart = F.kl_div(logits.log_softmax(-1), goal, reduction="none", log_target=True).sum(-1)
    spent = torch.stack([m.mean() for m in decisions]).mean()
    return answer_loss(logits, batch) + apart.mean() + PRICE * (spent - on).square()


def straight_through(logit: Tensor, tau: float) -> Tensor:
    """Return decisions in {0, 1} with the gradient of a logistic-Gumbel sample."""
    noise = torch.rand_like(logit).clamp(1e-6, 1 - 1e-6)
    soft = torch.sigmoid((logit + noise.log() - (1 - noise).log()) / tau)
    return (soft > 0.5).float() + (soft - soft.detach())


class _LowRank(nn.Module):
    """W + B A, with A [r, in] and B [out, r]; B starts at 0."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(LORA_RANK, weight.shape[1]) * weight.shape[1] ** -0.5)
        self.up = nn.Parameter(torch.zeros(weight.shape[0], LORA_RANK))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.up @ self.down


def adapters(base: Backbone) -> list[nn.Parameter]:
    """Put a low-rank change on every matrix of the layers; return its parameters."""
    found: list[nn.Parameter] = []
    for layer in base.layers:
        for module in layer.modules():
            if isinstance(module, nn.Linear):
                change = _LowRank(module.weight)
                parametrize.register_parametrization(module, "weight", change)
                found += [change.down, change.up]
    return found


def _regress(parts: Parts, unit: int, x: Tensor, y: Tensor) -> None:
    narrow, wide = parts.narrow[unit], parts.wide[unit]
    assert isinstance(narrow, nn.Linear)
    assert isinstance(wide, nn.Linear)
    centre, mean = x.mean(0), y.mean(0)
    x, y = x - centre, y - mean
    gram = x.T @ x
    ridge = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=x.dtype)
    full = torch.linalg.solve(gram + ridge, x.T @ y)
    _, _, turned = torch.linalg.svd(x @ full, full_matrices=False)
    v = turned[: parts.rank].T
    narrow.weight.copy_((full @ v).T)
    wide.weight.copy_(v)
    wide.bias.copy_(mean - centre @ full @ v @ v.T)


@torch.no_grad()
def changes(base: Backbone) -> dict[str, Tensor]:
    """Return the low-rank changes of a tuned backbone by matrix; a row each for a direction."""
    found = {}
    for name, module in base.named_modules():
        if isinstance(module, nn.Linear) and parametrize.is_parametrized(module):
            low = module.get_submodule("parametrizations.weight.0")
            assert isinstance(low, _LowRank)
            found[f"low.{name}.weight.up"] = low.up.T
            found[f"low.{name}.weight.down"] = low.down
    return found


@torch.no_grad()
def change(model: Backbone, low: checkpoints.Weights) -> None:
    """Add low-rank changes to a backbone's matrices, in place."""
    for key, up in low.items():
        if key.endswith(".up"):
            name = key.removesuffix(".up")
            model.get_parameter(name).add_(up.T @ low[f"{name}.down"])


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

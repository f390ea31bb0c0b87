"""Routers and forecasters for a frozen backbone: what they are, and how they are trained.

Each of the 2 L units (`unit_forward.py`) has a router, one linear map to a logit m > 0, and, where the
kind asks for one, a *forecaster* q(x) = U V x + b of rank r that stands in for the unit:

    informed   h + m f(x) + (1 - m) q(x)    the router reads [x ; q(x)]
    blind      h + m f(x) + (1 - m) q(x)    the router reads x alone (the ablation)
    greedy     h + m f(x)                   the router reads x alone (skip or run)
    tuned      greedy, and LoRA of rank 8 on every matrix of the backbone, twice the steps

*Forecasters* start in closed form: ridge regression of the unit's output on its input over
calibration sequences, truncated to rank r by the singular vectors of what it predicts.

*Training.* The backbone is frozen. Decisions are hard in the forward and logistic-Gumbel in the
backward (tau 1 -> 0.1). The loss is the next token with weight 3 on answers, the
divergence from the full model, and `PRICE` times the squared distance of the mean of m from its
target, which falls from 1 to 1 - s over the first half. One budget for all units: layers may
differ. Every kind has the same router, data, steps and rate (`tuned` more of them), so that a
difference between two is not a difference in effort.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from adabench.workloads.depth_width.ledger.recipes import Retrofit
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.stream import KMAX, draw
from adabench.workloads.depth_width.substrate.train_backbone import (
    ANSWER_WEIGHT,
    BATCH,
    HELD_OUT,
    HELD_OUT_SEED,
    Batch,
    Progress,
    batch_of,
)
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.work_counter import Work

RATE, CLIP = 5e-3, 1.0
PRICE = 20.0
TAU = (1.0, 0.1)
RIDGE = 1e-3
CALIBRATION_SEED, CALIBRATION = 555, 200
LORA_RANK = 8
LORA_RATE = 3e-3
OPEN = 2.0
"""Routers start with everything on."""
_STREAM = 31  # training streams of retrofits are keyed apart from those of the backbones


class Parts(nn.Module):
    """What is added to a backbone: for each unit a router and perhaps a forecaster."""

    def __init__(self, plan: Retrofit, width: int, count: int) -> None:
        super().__init__()
        self.kind, self.rank = plan.kind, plan.rank
        reads = 2 * width if plan.kind == "informed" else width
        self.routers = nn.ModuleList(nn.Linear(reads, 1) for _ in range(count))
        forecasts = plan.kind in ("informed", "blind", "static")
        self.narrow = nn.ModuleList(
            nn.Linear(width, plan.rank, bias=False) for _ in range(count * forecasts)
        )
        self.wide = nn.ModuleList(nn.Linear(plan.rank, width) for _ in range(count * forecasts))
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
        run = parts.said(torch.mv(rows, weight).add_(constant)) > -shift
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


def train(plan: Retrofit, base: Backbone, progress: Progress = lambda done, steps: None) -> Parts:
    """Train the parts of a plan on a frozen backbone. A `tuned` one changes `base` in place."""
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(_STREAM * 1000 + plan.seed)
        parts = Parts(plan, base.shape.width, 2 * base.shape.layers)
        teacher = base if plan.kind != "tuned" else _copy(base)
        if len(parts.narrow):
            _fit_forecasters(parts, base)
        low = adapters(base) if plan.kind == "tuned" else []
        _fit(plan, base, teacher, parts, low, progress)
    return parts.eval().requires_grad_(False)


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


def _fit(
    plan: Retrofit,
    base: Backbone,
    teacher: Backbone,
    parts: Parts,
    low: list[nn.Parameter],
    progress: Progress,
) -> None:
    groups = [{"params": list(parts.parameters()), "peak": RATE}]
    groups += [{"params": low, "peak": LORA_RATE}] if low else []
    optimiser = torch.optim.AdamW(groups, weight_decay=0.0)
    trained = [*parts.parameters(), *low]
    for step, batch in enumerate(_batches(plan)):
        share = step / plan.steps
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * (1 + math.cos(math.pi * share)) / 2
        tau = TAU[0] + (TAU[1] - TAU[0]) * share
        on = 1 - plan.sparsity * min(1.0, 2 * share)
        optimiser.zero_grad()
        torch.autograd.backward(_loss(base, teacher, parts, batch, tau, on))
        nn.utils.clip_grad_norm_(trained, CLIP)
        optimiser.step()
        progress(step + 1, plan.steps)


def _batches(plan: Retrofit) -> Iterator[Batch]:
    generator = np.random.Generator(np.random.PCG64((_STREAM, plan.seed)))
    for _ in range(plan.steps):
        yield batch_of(draw(generator, BATCH, KMAX))


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
    each = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="none")
    weight = 1 + (ANSWER_WEIGHT - 1) * batch.answers.flatten()
    apart = F.kl_div(logits.log_softmax(-1), goal, reduction="none", log_target=True).sum(-1)
    spent = torch.stack([m.mean() for m in decisions]).mean()
    return (each * weight).sum() / weight.sum() + apart.mean() + PRICE * (spent - on).square()


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


def merged(base: Backbone) -> Backbone:
    """Return a plain backbone with all changes added to its weights."""
    for module in list(base.modules()):
        if isinstance(module, nn.Linear) and parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    return base.eval().requires_grad_(False)


@dataclass(frozen=True)
class Fitted:
    """A backbone and the parts that decide which of its units run."""

    model: Backbone
    parts: Parts


def held_out(fitted: Fitted) -> dict[str, float]:
    """Return answer accuracy by k, filler accuracy and executions on held-out sequences."""
    corpus = draw(np.random.Generator(np.random.PCG64(HELD_OUT_SEED)), HELD_OUT)
    tokens = torch.from_numpy(np.ascontiguousarray(corpus.inputs))
    answer = unit_forward.prefill_units(fitted.model, tokens, rule(fitted.parts), tile=16)
    right = answer.logits.argmax(-1).numpy() == corpus.targets
    equal, k = corpus.labels.of("equal"), corpus.labels.k
    found = {f"accuracy_k{n}": float(right[equal & (k == n)].mean()) for n in range(1, KMAX + 1)}
    words = corpus.labels.word
    found["accuracy_filler"] = float(right[(words == 1) | (words == 2)].mean())
    found["executions"] = float(answer.executions().double().mean())
    return {name: round(value, 4) for name, value in found.items()}

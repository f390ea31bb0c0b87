"""How granular modules are trained: three phases, from the dense backbone.

1. *Learners.* The mean over modules and n = 1..N of |h_n(x) - f(x)|^2, each over the mean square of the
   original MLP f. Every prefix has to be good, and learners start from noise, not from slices.
2. *Gates.* e_n = |h_n(x) - f(x)|, r_n = e_{n-1} / e_n. The label is the smallest n with r_n < 1.2, or N.
   (The released code gives N where already r_1 < 1.2; `artefact=True` does so, we do not.)
3. *All weights*, gated forward, hard Gumbel-softmax at tau 0.8, straight through: y = sum of g_n h_n(x).

       loss = task + PRICE | load - beta | + 0.05 L_e + 0.05 L_d

   L_e = - mean entropy of a module's mean gate distribution over a sequence / log(N + 1);
   L_d = - 2 x mean pairwise |c_a - c_b| of the sequences' mean loads.
   The noise cools from 1 to 0 over the first `COOL` of the steps, so that what is priced last are the choices
   that inference makes. Before it the gates' logits are scaled by `SOFTER`: as phase 2 leaves them they are
   so sure that hard samples agree and no gradient moves them.

Kind `learners` is phases 1 and 2, `acm` phase 3 for one beta, `static` phase 3 with n learners for everybody
and no gate, `coins` phase 3 with learners drawn at the shares that an `acm` ran.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate import learners as widths
from adabench.workloads.depth_width.substrate.backbone import Backbone, hollow
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.learner_choices import budget, sampled, taken
from adabench.workloads.depth_width.substrate.learners import LEARNERS, Modules, Widened
from adabench.workloads.depth_width.substrate.train_backbone import (
    HELD_OUT_SEED,
    BackboneRecipe,
    Batch,
    answer_loss,
    even_batches,
    held_out_corpus,
    scores,
)
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.int8_packing import LEVELS
from adabench.workloads.shared.training.schedule import cosine_by_share
from adabench.workloads.shared.training.trainer import Trainer, seeded, silent

LEARNER_RATE, GATE_RATE, RATE = 3e-3, 1e-2, 1e-3
TUNED_GATE_RATE = 5e-3
SOFTER = 0.2
"""What gates' logits are scaled by before phase 3."""
COOL = 0.7
"""Share of phase 3 after which choices are the most likely ones, without noise."""
GATE_STEPS = 0.2
"""Share of the steps of kind `learners` that phase 2 takes."""
CLIP, LAST_RATE = 1.0, 0.05
FACTOR = 1.2
STREAM = 47  # training streams are keyed apart from those of the backbones and retrofits


@dataclass(frozen=True)
class WidthRecipe:
    """Granular modules in place of a backbone's MLPs, from which seed."""

    name: str
    base: BackboneRecipe
    seed: int
    home: Path
    kind: Literal["learners", "acm", "static", "coins"]
    """`learners` are distilled from the backbone; the others are tuned from those."""
    start: "WidthRecipe | None" = None
    """The recipe of the learners that this one goes on from."""
    target: float = 0.0
    """`acm`: share of the learners to run; `static`: learners that everybody runs."""
    steps: int = 1000
    forecast_s: int = 130
    levels: int = LEVELS
    """Of the packed file (`int8_packing.py`)."""

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train modules; the backbone of `learners` stays where it is shipped."""
        made = train(self, self._begin, progress)
        weights = {
            f"modules.{key}": value
            for key, value in made.modules.state_dict().items()
            if self.kind != "static" or ".gate." not in key
        }
        if self.kind != "learners":
            weights |= checkpoints.below("base.", made.model.state_dict())
        path = folder / f"{self.name}{SUFFIX}"
        checkpoints.write(weights, path, levels=self.levels, reference=self._reference())
        return checkpoints.describe(self, folder, held_out=held_out(self, self.load(folder)))

    def load(self, folder: Path | None = None) -> Widened:
        """Return the backbone with its modules, in fp32."""
        weights = checkpoints.weights(self, folder, reference=self._reference())
        found = fresh(hollow(self.base.load()))
        if self.kind == "static":
            found.modules.ungate()
        own = checkpoints.part(weights, "base.")
        if own:
            found.model.load_state_dict(own)
        found.modules.load_state_dict(checkpoints.part(weights, "modules."))
        found.model.eval().requires_grad_(False)
        found.modules.eval().requires_grad_(False)
        return found

    def _begin(self) -> Widened:
        return fresh(self.base.load()) if self.start is None else self.start.load()

    def _reference(self) -> dict[str, Tensor] | None:
        """Return what training started from: nearly all of it is still there."""
        if self.start is None:
            return None
        start = self.start.load()
        return checkpoints.below("modules.", start.modules.state_dict()) | checkpoints.below(
            "base.", start.model.state_dict()
        )


@dataclass(frozen=True)
class CoinsRecipe(WidthRecipe):
    """Phase 3 under coins at the shares of trained gates."""

    like: WidthRecipe | None = None
    """The gates whose shares the random gates have."""


def train(plan: WidthRecipe, start: Callable[[], Widened], progress: Progress = silent) -> Widened:
    """Train a plan; `start` gives the phase-2 modules, or for `learners` the dense backbone's."""
    with seeded(STREAM * 1000 + plan.seed):
        widened = start()
        if plan.kind == "learners":
            _distil(plan, widened, progress)
            hollow(widened.model)
        else:
            _tune(plan, widened, progress)
    widened.model.eval().requires_grad_(False)
    widened.modules.eval().requires_grad_(False)
    return widened


def fresh(model: Backbone) -> Widened:
    """Put untrained modules beside a backbone's MLPs."""
    return Widened(model, Modules(model.shape.width, model.shape.layers))


Judge = Callable[[int, Tensor, Tensor], Tensor]
"""(layer, an MLP's input, its output) -> a loss."""


def _distil(plan: WidthRecipe, widened: Widened, progress: Progress) -> None:
    modules, gate_steps = widened.modules, round(GATE_STEPS * plan.steps)
    steps, inner = (
        plan.steps - gate_steps,
        [widened.modules.at(i) for i in range(len(modules.layers))],
    )
    learners = [p for one in inner for p in one.learners.parameters()]
    gates = [p for one in inner for p in one.gate.parameters()]
    batches = even_batches(STREAM, plan.seed, 1)

    def fit(judge: Judge, weights: list[nn.Parameter], rate: float, count: int, done: int) -> None:
        optimiser = torch.optim.Adam(weights, lr=rate)
        trainer = Trainer(optimiser, schedule=cosine_by_share(count, LAST_RATE), clip=CLIP)
        trainer.fit(
            lambda step: _watched(widened.model, next(batches).inputs, judge),
            count,
            lambda now, _: progress(done + now, plan.steps),
        )

    fit(lambda i, x, y: prefix_loss(modules.at(i), x, y).mean(), learners, LEARNER_RATE, steps, 0)
    fit(lambda i, x, y: _gate_loss(modules.at(i), x, y), gates, GATE_RATE, gate_steps, steps)


def _watched(model: Backbone, tokens: Tensor, judge: Judge) -> Tensor:
    """Return the mean of what `judge` says of every MLP of the original model."""
    seen: list[tuple[Tensor, Tensor]] = []

    def watch(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        found = output()
        if unit % 2:
            seen.append((x, found))
        return found

    with torch.no_grad():
        unit_forward.soft(model, tokens, watch)
    return torch.stack([judge(i, x, y) for i, (x, y) in enumerate(seen)]).mean()


def prefix_loss(module: widths.Granular, x: Tensor, y: Tensor) -> Tensor:
    """Return the squared error of h_1..h_N over the mean square of y, [N]."""
    apart = module.outputs(x).cumsum(-2) - y[..., None, :]
    error: Tensor = apart.square().flatten(0, -3).mean((0, 2)) / y.square().mean()
    return error


def labels(errors: Tensor, *, artefact: bool = False) -> Tensor:
    """Return how many learners are worth running, from e_0..e_N [..., N + 1]."""
    small = errors[..., :-1] / errors[..., 1:].clamp_min(1e-12) < FACTOR
    first = torch.where(small.any(-1), small.int().argmax(-1) + 1, LEARNERS)
    return torch.where(small[..., 0], LEARNERS, first) if artefact else first


def _gate_loss(module: widths.Granular, x: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        apart = module.outputs(x).cumsum(-2) - y[..., None, :]
        errors = torch.cat((y.norm(dim=-1)[..., None], apart.norm(dim=-1)), dim=-1)
        wanted = labels(errors)
    return F.cross_entropy(module.gate(x).flatten(0, -2), wanted.flatten())


def _tune(plan: WidthRecipe, widened: Widened, progress: Progress) -> None:
    model, modules = widened.model.train().requires_grad_(True), widened.modules.train()
    modules.requires_grad_(True)
    soften(modules)
    gates = [p for name, p in modules.named_parameters() if ".gate." in name]
    rest = [p for name, p in modules.named_parameters() if ".gate." not in name]
    rest += [p for p in model.parameters() if p.numel()]
    groups = [{"params": rest, "lr": RATE}, {"params": gates, "lr": TUNED_GATE_RATE}]
    batches, rates = even_batches(STREAM, plan.seed, 3), shares_of(plan)

    def loss(step: int) -> Tensor:
        noise = max(0.0, 1 - step / plan.steps / COOL)
        return _loss(plan, widened, next(batches), noise, rates)

    falls = cosine_by_share(plan.steps, LAST_RATE)
    trainer = Trainer(torch.optim.Adam(groups), schedule=falls, clip=CLIP)
    trainer.fit(loss, plan.steps, progress)


@torch.no_grad()
def soften(modules: Modules) -> None:
    """Make the gates' first choices tentative: a sure gate tries nothing and learns nothing."""
    for index in range(len(modules.layers)):
        for weight in modules.at(index).gate[-1].parameters():
            weight.mul_(SOFTER)


def shares_of(plan: WidthRecipe) -> Tensor | None:
    """Return how often each module's gate takes 0..N learners; None where nobody tosses coins."""
    if not isinstance(plan, CoinsRecipe) or plan.like is None:
        return None
    gates = plan.like.load()
    _, tokens = held_out_corpus()
    answer = widths.prefill_widths(gates, tokens, widths.gated(gates.modules), tile=16)
    return widths.shares(answer, gates.model.shape.layers, tokens.numel())


def _drawn(rates: Tensor, shape: torch.Size) -> Tensor:
    """Draw how many learners each position takes, as shares of one, [..., N + 1]."""
    count = math.prod(shape)
    choice = torch.multinomial(rates, count, replacement=True).view(shape)
    return F.one_hot(choice, LEARNERS + 1).float()


def _loss(
    plan: WidthRecipe, widened: Widened, batch: Batch, noise: float, rates: Tensor | None = None
) -> Tensor:
    gates: list[Tensor] = []

    def mix(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        if not unit % 2:
            return output()
        module = widened.modules.at(unit // 2)
        if plan.kind == "static":
            return module.mixed(
                x, (torch.arange(LEARNERS) < plan.target).float().expand(*x.shape[:-1], -1)
            )
        if rates is not None:
            return module.mixed(x, taken(_drawn(rates[unit // 2], x.shape[:-1])))
        chosen = sampled(module.gate(x), noise)  # [B, T, N + 1]
        gates.append(chosen)
        return module.mixed(x, taken(chosen))

    model = widened.model
    logits = model.head(model.norm(unit_forward.soft(model, batch.inputs, mix)))
    task = answer_loss(logits, batch)
    return task + budget(torch.stack(gates), plan.target) if gates else task


def chooser(plan: WidthRecipe, modules: Modules) -> widths.Chooser:
    """Return what a plan's model decides with."""
    rates = shares_of(plan)
    if rates is not None:
        return widths.coins(rates, torch.Generator().manual_seed(HELD_OUT_SEED))
    return widths.constant(round(plan.target)) if plan.kind == "static" else widths.gated(modules)


def held_out(plan: WidthRecipe, widened: Widened) -> dict[str, float]:
    """Return answer accuracy by k, filler accuracy and executions on held-out sequences."""
    corpus, tokens = held_out_corpus()
    answer = widths.prefill_widths(widened, tokens, chooser(plan, widened.modules), tile=16)
    return scores(corpus, answer.logits, float(answer.executions().double().mean()))

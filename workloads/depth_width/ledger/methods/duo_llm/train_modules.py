"""How Duo-LLM is trained: stage 1 under random routing, stage 3 routers on the frozen model.

*Stage 1.* In every step each position draws an option for each layer, uniformly over skip, small and big, so
that every path is a model that was trained. The rest is `train_backbone.py`'s, over three times its steps.

*Stage 3.* The model is frozen. Each layer has a linear router from the normed state to three logits; options
are hard in the forward and Gumbel-softmax in the backward (tau 1 -> 0.1), and start at big.

    loss = next token, weight 3 on answers + PRICE (mean cost - target)^2

The cost of an option is its share of the big module's operations (0, 1/8, 1); the target of its mean over
positions and layers falls from 1 to budget / layers over the first half. Routers see no labels.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger.substrate.duo import duo_modules as duos
from adabench.workloads.depth_width.ledger.substrate.duo import pattern_search
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import (
    BIG,
    COST,
    OPTIONS,
    SMALL,
    Duo,
    Routers,
)
from adabench.workloads.depth_width.substrate import checkpoints, train_backbone
from adabench.workloads.depth_width.substrate.backbone import Shape
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.stream import draw
from adabench.workloads.depth_width.substrate.train_backbone import Batch, batch_of, even_batches
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.work_counter import Work
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.int8_packing import HALVES
from adabench.workloads.shared.training.schedule import cosine_by_share
from adabench.workloads.shared.training.trainer import Trainer, seeded, silent

ROUTER_RATE = 5e-3
PRICE = 20.0
TAU = (1.0, 0.1)
OPEN = 2.0
"""Routers start at big for everybody."""
CALIBRATION_SEED, CALIBRATION = 555, 64
_STREAM = 59  # routers are trained on streams keyed apart from those of the other methods

STEPS = 3000
"""Three times those of the other from-scratch methods: the docstring says why."""
ROUTER_STEPS = 600


@dataclass(frozen=True)
class ModulesRecipe:
    """A model whose modules are trained under random routing (stage 1), from which seed."""

    name: str
    shape: Shape
    seed: int
    home: Path
    steps: int = STEPS
    forecast_s: int = 300

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train it; what is searched for the best patterns is the file, not what was trained."""
        made, path = train(self, progress), folder / f"{self.name}{SUFFIX}"
        weights = checkpoints.below("base.", made.model.state_dict())
        weights |= checkpoints.below("sides.", made.sides.state_dict())
        checkpoints.write(weights, path)
        weights["sides.best"] = best_patterns(self.load(folder))
        checkpoints.write(weights, path)
        chosen = self.load(folder)
        scored = held_out(chosen, stage_one(self.shape.layers, self.seed))
        return checkpoints.describe(self, folder, held_out=scored)

    def load(self, folder: Path | None = None) -> Duo:
        """Return the model in fp32."""
        weights, made = checkpoints.weights(self, folder), duos.fresh(self.shape)
        made.model.load_state_dict(checkpoints.part(weights, "base."))
        made.sides.load_state_dict(checkpoints.part(weights, "sides."))
        return frozen(made)


@dataclass(frozen=True)
class ModuleRouters:
    """Routers for such a model, which stays as it is (stage 3), from which seed."""

    name: str
    base: ModulesRecipe
    seed: int
    budget: float
    """Big modules a position is to run on average."""
    home: Path
    steps: int = ROUTER_STEPS
    forecast_s: int = 80

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train routers on the model that is shipped."""
        base = self.base.load()
        made = train_routers(self, base, progress)
        checkpoints.write(made.state_dict(), folder / f"{self.name}{SUFFIX}", levels=HALVES)
        scored = held_out(base, {"": duos.routed(self.load(folder))})
        return checkpoints.describe(self, folder, held_out=scored)

    def load(self, folder: Path | None = None) -> Routers:
        """Return the routers in fp32."""
        routers = Routers(self.base.shape)
        routers.load_state_dict(checkpoints.weights(self, folder))
        return routers.eval().requires_grad_(False)


def train(plan: ModulesRecipe, progress: Progress = silent) -> Duo:
    """Train a model under random routing from its seed; return it in evaluation mode."""
    batches = train_backbone.rising_batches(plan.seed, plan.steps)
    with seeded(plan.seed):
        duo = duos.fresh(plan.shape)
        weights = [*duo.model.parameters(), *duo.sides.parameters()]
        train_backbone.trainer_of(weights, plan.steps).fit(
            lambda step: _random_loss(duo, next(batches)), plan.steps, progress
        )
    return frozen(duo)


def frozen(duo: Duo) -> Duo:
    """Put a model in evaluation mode."""
    duo.model.eval().requires_grad_(False)
    duo.sides.eval().requires_grad_(False)
    return duo


def drawn(layers: int, tokens: Tensor) -> Tensor:
    """Draw an option for each layer and position, uniformly, [layers, B, T]."""
    return torch.randint(OPTIONS, (layers, *tokens.shape))


def _random_loss(duo: Duo, batch: Batch) -> Tensor:
    states = duos.batched(duo, batch.inputs, drawn(duo.model.shape.layers, batch.inputs))
    normed = duo.model.norm(states)
    value = train_backbone.value_loss(duo.sides.value, normed, batch)
    return train_backbone.answer_loss(duo.model.head(normed), batch) + value


def train_routers(plan: ModuleRouters, duo: Duo, progress: Progress = silent) -> Routers:
    """Train the routers of a plan on a frozen model."""
    with seeded(_STREAM * 1000 + plan.seed):
        routers, batches = opened(Routers(duo.model.shape)), even_batches(_STREAM, plan.seed)

        def loss(step: int) -> Tensor:
            share = step / plan.steps
            tau = TAU[0] + (TAU[1] - TAU[0]) * share
            goal = 1 - (1 - plan.budget / duo.model.shape.layers) * min(1.0, 2 * share)
            return _routed_loss(duo, routers, next(batches), tau, goal)

        optimiser = torch.optim.AdamW(routers.parameters(), lr=ROUTER_RATE, weight_decay=0.0)
        falls = cosine_by_share(plan.steps)
        Trainer(optimiser, schedule=falls, clip=train_backbone.CLIP).fit(loss, plan.steps, progress)
    return routers.eval().requires_grad_(False)


@torch.no_grad()
def opened(routers: Routers) -> Routers:
    """Make big the likely choice of routers that know nothing yet."""
    for index in range(len(routers.layers)):
        router = routers.at(index)
        nn.init.normal_(router.weight, std=0.02)
        nn.init.zeros_(router.bias)
        router.bias[BIG] = OPEN
    return routers


def _routed_loss(duo: Duo, routers: Routers, batch: Batch, tau: float, goal: float) -> Tensor:
    taken: list[Tensor] = []

    def weigh(index: int, rows: Tensor) -> Tensor:
        taken.append(F.gumbel_softmax(routers.at(index)(rows), tau=tau, hard=True))
        return taken[-1]

    normed = duo.model.norm(mixed(duo, batch.inputs, weigh))
    task = train_backbone.answer_loss(duo.model.head(normed), batch)
    return task + PRICE * (spent(torch.stack(taken)) - goal).square()


def spent(weights: Tensor) -> Tensor:
    """Return the mean cost of options [..., 3], in big modules."""
    mean: Tensor = (weights * torch.tensor(COST)).sum(-1).mean()
    return mean


def mixed(duo: Duo, tokens: Tensor, weigh: Callable[[int, Tensor], Tensor]) -> Tensor:
    """Run every module on tokens [B, T], mixed by `weigh(layer, rows)` [B, T, 3]; final states."""

    def mix(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        if not unit % 2:
            return output()
        small = duo.sides.at(unit // 2)
        weights = weigh(unit // 2, x)
        little: Tensor = small.down(F.gelu(small.up(x)))
        return weights[..., BIG, None] * output() + weights[..., SMALL, None] * little

    return unit_forward.soft(duo.model, tokens, mix)


def best_patterns(duo: Duo) -> Tensor:
    """Return the constant pattern that loses least on calibration sequences, by budget.

    Row b, [b, layers], may cost b big modules. All patterns are tried; the loss is that of the
    answers and of the filler words that follow from another, alike.
    """
    corpus = draw(np.random.Generator(np.random.PCG64(CALIBRATION_SEED)), CALIBRATION)
    batch, words = batch_of(corpus), torch.from_numpy(corpus.labels.word)
    where = (batch.answers, (words == 1) | (words == 2))
    patterns = list(itertools.product(range(OPTIONS), repeat=duo.model.shape.layers))

    def loss(normed: Tensor) -> Tensor:
        logits = duo.model.head(normed).flatten(0, 1)
        each = F.cross_entropy(logits, batch.targets.flatten(), reduction="none")
        each = each.view_as(batch.targets)
        return torch.stack([each[mask].mean() for mask in where]).mean()

    with torch.inference_mode(), one_thread():
        whole = torch.zeros_like(batch.inputs)  # one group: everybody runs the pattern
        there = pattern_search.scene(duo, batch.inputs, whole, Work())
        lost = pattern_search.losses(there, patterns, loss)
    cost = torch.tensor([sum(COST[option] for option in pattern) for pattern in patterns])
    best = [torch.where(cost <= b, lost, torch.inf).argmin() for b in range(duos.BESTS + 1)]
    return torch.tensor([patterns[int(index)] for index in best], dtype=torch.float)


def held_out(duo: Duo, choosers: dict[str, duos.Chooser]) -> dict[str, float]:
    """Return answer accuracy by k, filler accuracy and executions on held-out sequences.

    The first chooser's have plain names, those of the others begin with their own.
    """
    corpus, tokens = train_backbone.held_out_corpus()
    found: dict[str, float] = {}
    for name, choose in choosers.items():
        answer = duos.prefill_duo(duo, tokens, choose, tile=16)
        executions = float(answer.executions().double().mean())
        own = train_backbone.scores(corpus, answer.logits, executions)
        found |= {f"{name and f'{name}_'}{figure}": value for figure, value in own.items()}
    return found


def stage_one(shape_layers: int, seed: int) -> dict[str, duos.Chooser]:
    """Return what a model is scored with before it has routers: all big, all small, coins."""
    even = torch.full((shape_layers, OPTIONS), 1 / OPTIONS)
    generator = torch.Generator().manual_seed(seed)
    return {
        "": duos.pattern((BIG,) * shape_layers),
        "small": duos.pattern((SMALL,) * shape_layers),
        "random": duos.coins(even, generator),
    }

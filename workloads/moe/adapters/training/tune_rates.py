"""The grids of learning rates: every kind of adapter at the same three, scored on a dev split.

What is chosen of them is written down in `substrate/tuned_rates.py`; a test holds it to these tables.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from adabench.harness.contract.card import Point
from adabench.workloads.moe.adapters.methods import (
    dynmole,
    fresh_lora,
    lora,
    mhr,
    mhr_mu,
    mhr_z,
    mola,
    mola_layered,
    poly,
    poly_rand,
    random_experts,
    shuffled_tasks,
    soft,
)
from adabench.workloads.moe.adapters.recipes import GRID_SEED, KINDS, STEPS, Recipe
from adabench.workloads.moe.adapters.substrate import few_shot
from adabench.workloads.moe.adapters.substrate.base_model import Base
from adabench.workloads.moe.adapters.substrate.few_shot import NEW_TASK, Examples, Schedule
from adabench.workloads.moe.adapters.substrate.forward_pass import Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import (
    dev_tasks,
    shown_and_unseen,
)
from adabench.workloads.moe.adapters.substrate.tuned_rates import GRID
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench
from adabench.workloads.moe.adapters.training import pretrain
from adabench.workloads.shared.training.checkpoints import Progress, step_counter

SHOTS, ADAPTATION_STEPS = 32, 200
STARTS: Mapping[str, tuple[ModuleType, Point]] = {
    "fresh": (fresh_lora, {"rank": 4}),
    "lora-4": (lora, {"rank": 4}),
    "lora-32": (lora, {"rank": 32}),
    "lora-36": (lora, {"rank": 36}),
    "poly": (poly, poly.CARD.defaults),
    "mhr": (mhr, mhr.CARD.defaults),
    "mhr-z": (mhr_z, {}),
    "mhr-mu": (mhr_mu, mhr_mu.CARD.defaults),
    "mhr-shuffled": (shuffled_tasks, {}),
    "poly-rand": (poly_rand, {}),
    "mola": (mola, mola.CARD.defaults),
    "mola-layered": (mola_layered, {}),
    "mola-random": (random_experts, {}),
    "dynmole": (dynmole, dynmole.CARD.defaults),
    "soft": (soft, {}),
}
"""By the name of a rate: the method that adapts with it, and where it stands."""


def train(recipe: Recipe, base: Base, progress: Progress) -> dict[str, Tensor]:
    """Return what each kind scored at each rate of the grid, [rates]."""
    rows = _pretraining(base) if recipe.kind == "rates-pretraining" else _few_shot()
    tick, found = step_counter(progress, recipe.steps), {}
    for kind, scores in rows:
        found[kind] = torch.tensor(scores)
        for _ in GRID:
            tick()
    return found


def _pretraining(base: Base) -> Iterator[tuple[str, list[float]]]:
    for kind in KINDS:
        scores = []
        for rate in GRID:
            recipe = Recipe(f"{kind}-s{GRID_SEED}", kind, GRID_SEED, STEPS)
            weights = pretrain.train(recipe, base, lambda done, steps: None, rate=rate)
            scores.append(float(weights["history.accuracy_pretrained"]))
        yield kind, scores


def _few_shot() -> Iterator[tuple[str, list[float]]]:
    bench = Workbench(0)
    for kind, (method, point) in STARTS.items():
        start: Start = method.prepare(bench, point, 0)
        yield kind, [_dev_accuracy(replace(start, rate=rate)) for rate in GRID]


def _dev_accuracy(start: Start) -> float:
    """Return the mean accuracy over the tasks of tuning, on pairs that no example shows."""
    base, found = start.bench.base(), []
    for place, task in enumerate(dev_tasks()):
        generator = np.random.Generator(np.random.PCG64((GRID_SEED, place)))
        shown, unseen = shown_and_unseen(generator, task, SHOTS)
        examples = Examples(shown.tokens, shown.answers[:, 0])
        schedule = Schedule(start.rate, ADAPTATION_STEPS)
        after, _ = few_shot.adapt(base, start.adapter, examples, schedule, Work(), place)
        tasks = np.full(len(unseen.tokens), NEW_TASK)
        said = few_shot.predict(base, after, unseen.tokens, tasks, Work())[:, -1].numpy()
        found.append(float((said == unseen.answers[:, 0]).mean()))
    return float(np.mean(found))

"""Grids of learning rates: kinds of adapters at three each, scored on a dev split.

What is chosen of them is written down in `substrate/tuned_rates.py`; a test holds it to these tables.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from adabench.harness.contract.card import Point
from adabench.workloads.moe.adapters.methods import (
    adalora,
    bitfit,
    bottleneck,
    dora,
    dynmole,
    fresh_lora,
    full,
    lora,
    mhr,
    mhr_mu,
    mola,
    poly,
    prompt,
)
from adabench.workloads.moe.adapters.recipes import GRID_SEED, RATES, START_RATES, STEPS, Recipe
from adabench.workloads.moe.adapters.substrate import few_shot
from adabench.workloads.moe.adapters.substrate.base_model import Base
from adabench.workloads.moe.adapters.substrate.few_shot import NEW_TASK, Examples, Schedule
from adabench.workloads.moe.adapters.substrate.forward_pass import Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import (
    WORDS,
    dev_tasks,
    examples_and_tests,
)
from adabench.workloads.moe.adapters.substrate.tuned_rates import grid
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench
from adabench.workloads.moe.adapters.training import pretrain
from adabench.workloads.shared.training.checkpoints import Progress, step_counter

SHOTS, TESTS, ADAPTATION_STEPS = 32, 64, 100
STARTS: Mapping[str, tuple[ModuleType, Point]] = {
    "fresh": (fresh_lora, {}), "lora-4": (lora, {"rank": 4}), "lora-32": (lora, {}), "poly": (poly, {}),
    "mhr": (mhr, {}), "mhr-z": (mhr, {"trains": "rows"}), "mhr-mu": (mhr_mu, {}), "mola": (mola, {}),
    "dynmole": (dynmole, {}), "prompt": (prompt, {}), "prefix": (prompt, {"kind": "prefix"}),
    "ia3": (prompt, {"kind": "ia3"}), "bottleneck-16": (bottleneck, {}), "bitfit": (bitfit, {}),
    "norms": (bitfit, {"part": "norms"}), "full": (full, {}), "dora": (dora, {}), "adalora": (adalora, {}),
}  # fmt: skip
"""By the name of a rate: the method that adapts with it, and where it does not stand as its card says."""


def train(recipe: Recipe, base: Base, progress: Progress) -> dict[str, Tensor]:
    """Return what a kind scored at each rate of the grid, [rates]."""
    few_shot_kind = recipe.kind.removeprefix(START_RATES)
    is_few_shot, tick = few_shot_kind != recipe.kind, step_counter(progress, recipe.steps)
    scores, kind = [], few_shot_kind.removeprefix(RATES)
    for rate in grid(recipe.kind):
        scores.append(_few_shot(kind, rate) if is_few_shot else _pretraining(kind, base, rate))
        tick()
    return {"scores": torch.tensor(scores)}


def _pretraining(kind: str, base: Base, rate: float) -> float:
    recipe = Recipe(f"{kind}-s{GRID_SEED}", kind, GRID_SEED, STEPS)
    weights = pretrain.train(recipe, base, lambda done, steps: None, rate=rate)
    return float(weights["history.accuracy_pretrained"])


def _few_shot(kind: str, rate: float) -> float:
    method, point = STARTS[kind]
    card = method.CARD
    start: Start = method.prepare(Workbench(0), {**card.defaults, **card.fixed, **point}, 0)
    return _dev_accuracy(replace(start, rate=rate))


def _dev_accuracy(start: Start) -> float:
    """Return the mean accuracy over the tasks of tuning, on sequences that are no examples."""
    base, found = start.bench.base(), []
    for place, task in enumerate(dev_tasks()):
        generator = np.random.Generator(np.random.PCG64((GRID_SEED, place)))
        shown, tests = examples_and_tests(generator, task, SHOTS, TESTS)
        examples = Examples(shown.tokens, shown.answers)
        schedule = Schedule(start.rate, ADAPTATION_STEPS)
        after, _ = few_shot.adapt(base, start.adapter, examples, schedule, Work(), place)
        tasks = np.full(len(tests.tokens), NEW_TASK)
        said = few_shot.predict(base, after, tests.tokens, tasks, Work())[:, WORDS + 1 :].numpy()
        found.append(float((said == tests.answers).mean()))
    return float(np.mean(found))

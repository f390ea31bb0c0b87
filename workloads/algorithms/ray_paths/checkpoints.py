"""Checkpoints: fp16 safetensors with a JSON card beside each, rebuilt from seeds.

A card says which recipe made the file, a digest of the sources it was made with, and the hit rate
of the shipped fp16 file on streets of a stream of their own.

What `same_as` says was shown of code that takes the loop of `shared/training/trainer.py`: 30 steps of each recipe
that is shipped gave the same weights to the bit as the code before.
"""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from adabench.workloads.algorithms.ray_paths.recipes import Recipe, recipes
from adabench.workloads.algorithms.ray_paths.substrate.compiled_tracer import every_path
from adabench.workloads.algorithms.ray_paths.substrate.flow_network import canonical, sample
from adabench.workloads.algorithms.ray_paths.substrate.scenes import generate
from adabench.workloads.algorithms.ray_paths.substrate.trained_flows import FOLDER, restore
from adabench.workloads.algorithms.ray_paths.training import train_flow_matching, train_likelihood
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import ship
from adabench.workloads.shared.training.trainer import silent

HELD_OUT_SEED, HELD_OUT_SCENES = 4000, 200


def recipe(name: str) -> Recipe:
    """Return a recipe.

    Raises:
        SelectionError: if there is none of that name.
    """
    return checkpoints.find_recipe(name, recipes())


def train(name: str, progress: Progress = silent, *, folder: Path = FOLDER) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card."""
    return follow(recipe(name), progress, folder)


def follow(plan: Recipe, progress: Progress, folder: Path) -> dict[str, Any]:
    """Train what a plan says, on one thread: sums of several threads are not reproducible."""
    folder.mkdir(parents=True, exist_ok=True)
    tick, teacher = checkpoints.step_counter(progress, plan.steps), _teacher(plan)
    with checkpoints.one_thread():
        weights = checkpoints.halves(teacher.train(plan, tick).state_dict())
        return ship(
            plan, weights, folder, lambda: held_out(plan, folder), (teacher,), under="held_out"
        )


def held_out(plan: Recipe, folder: Path) -> dict[str, float]:
    """Return hit rates on fresh streets that have a path, and accuracies, of the file in a folder."""
    restore.cache_clear()
    network = restore(plan.name, folder)
    case = generate("street", HELD_OUT_SCENES, network.order, HELD_OUT_SEED)
    rng, counts = np.random.default_rng(1), np.zeros(2, np.int64)
    hits: dict[str, list[float]] = {}
    for query in case.queries:
        paths = {*map(tuple, every_path(query, counts).tolist())}
        if not paths:
            continue
        coords = canonical(query.triangles, query.tx, query.rx)
        for number in (10, 20, 100):
            drawn = list(map(tuple, sample(network, coords, number, rng, mask=plan.mask).tolist()))
            hits.setdefault(f"hit_rate_m{number}", []).append(len(paths & {*drawn}) / len(paths))
            right = sum(path in paths for path in drawn) / max(len(drawn), 1)
            hits.setdefault(f"accuracy_m{number}", []).append(right)
    return {name: round(float(np.mean(values)), 4) for name, values in hits.items()}


def source_digest(plan: Recipe) -> str:
    """Return a digest of the code that a recipe's training depends on."""
    return checkpoints.code_digest(_teacher(plan))


def _teacher(plan: Recipe) -> ModuleType:
    return train_likelihood if plan.loss == "likelihood" else train_flow_matching

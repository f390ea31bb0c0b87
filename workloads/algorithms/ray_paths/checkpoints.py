"""Checkpoints: fp16 safetensors with a JSON card beside each, rebuilt from seeds.

A card says which recipe made the file, a digest of the sources it was made with, and the hit rate
of the shipped fp16 file on streets of a stream of their own.

What `same_as` says was shown of code that differs in names and in how compiled kernels are kept on disk: 12 steps of
seven recipes, each kind among them, gave the same weights to the bit as the code before.
"""

import json
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from safetensors.torch import save_file

from adabench.workloads.algorithms.ray_paths.recipes import Recipe, recipes
from adabench.workloads.algorithms.ray_paths.substrate.compiled_tracer import exhaust
from adabench.workloads.algorithms.ray_paths.substrate.flow_network import Flows, canonical, sample
from adabench.workloads.algorithms.ray_paths.substrate.scenes import generate
from adabench.workloads.algorithms.ray_paths.substrate.trained_flows import FOLDER, restore
from adabench.workloads.algorithms.ray_paths.training import train_flow_matching, train_likelihood
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress

HELD_OUT_SEED, HELD_OUT_SCENES = 4000, 200


def recipe(name: str) -> Recipe:
    """Return a recipe.

    Raises:
        SelectionError: if there is none of that name.
    """
    return checkpoints.find_recipe(name, recipes())


def train(
    name: str, progress: Progress = lambda done, steps: None, *, folder: Path = FOLDER
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card."""
    return follow(recipe(name), progress, folder)


def follow(plan: Recipe, progress: Progress, folder: Path) -> dict[str, Any]:
    """Train what a plan says, on one thread: sums of several threads are not reproducible."""
    folder.mkdir(parents=True, exist_ok=True)
    tick = checkpoints.step_counter(progress, plan.steps)
    with checkpoints.one_thread():
        network = _teacher(plan).train(plan, tick)
        save_file(checkpoints.halves(network.state_dict()), folder / f"{plan.name}.safetensors")
        restore.cache_clear()
        card = asdict(plan) | {
            "source": source_digest(plan),
            "held_out": held_out(restore(plan.name, folder), mask=plan.mask),
        }
    (folder / f"{plan.name}.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card


def held_out(network: Flows, *, mask: bool) -> dict[str, float]:
    """Return hit rates on fresh streets that have a path, and accuracy at M = 20."""
    case = generate("street", HELD_OUT_SCENES, network.order, HELD_OUT_SEED)
    rng, counts = np.random.default_rng(1), np.zeros(2, np.int64)
    hits: dict[str, list[float]] = {}
    for query in case.queries:
        n = len(query.triangles)
        one, apart = np.ones(n, np.int64), 1 - np.eye(n, dtype=np.int64)
        scene = query.triangles, query.normals, query.tx, query.rx
        paths = {*map(tuple, exhaust(*scene, query.order, one, one, apart, counts).tolist())}
        if not paths:
            continue
        coords = canonical(query.triangles, query.tx, query.rx)
        for number in (10, 20, 100):
            drawn = list(map(tuple, sample(network, coords, number, rng, mask=mask).tolist()))
            hits.setdefault(f"hit_rate_m{number}", []).append(len(paths & {*drawn}) / len(paths))
            right = sum(path in paths for path in drawn) / max(len(drawn), 1)
            hits.setdefault(f"accuracy_m{number}", []).append(right)
    return {name: round(float(np.mean(values)), 4) for name, values in hits.items()}


def source_digest(plan: Recipe) -> str:
    """Return a digest of the code that a recipe's training depends on."""
    return checkpoints.code_digest(_teacher(plan))


def _teacher(plan: Recipe) -> ModuleType:
    return train_likelihood if plan.loss == "likelihood" else train_flow_matching

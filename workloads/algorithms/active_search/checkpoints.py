"""Checkpoints: fp16 safetensors with a JSON card beside each, rebuilt from seeds.

A card says which recipe made the file, a digest of the sources it was made with, the offsets, and
the losses that the shipped fp16 file was measured to have: of arms worst-case losses with fresh
adversaries, of hunts the average case.

What `same_as` says was shown of code that differs in names and in how compiled kernels are kept on disk:
3 shared and 3 own steps of `policies-s0` and `-s3`, and 5 updates of `questions-s0` and
`thresholds-s0`, gave the same weights to the bit as the code before, on one AMD EPYC: kernels compiled in
the process and both codes alike, or kernels from numba's disk cache and both alike. Between these two
the bits differ, in either code: sums are compiled to run in any order (`compiled_network.py`). Since policies
draw from `shared/counting/random_streams.py`, `policies-s0` was trained whole, to the file that is shipped.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from adabench.workloads.algorithms.active_search.recipes import HypothesisRecipe, Recipe, recipes
from adabench.workloads.algorithms.active_search.substrate.bandit_families import (
    CLASSES,
    generate_hypotheses,
)
from adabench.workloads.algorithms.active_search.substrate.hypothesis_policy import HypothesisPolicy
from adabench.workloads.algorithms.active_search.substrate.hypothesis_search import run
from adabench.workloads.algorithms.active_search.substrate.trained_policies import FOLDER, restore
from adabench.workloads.algorithms.active_search.training import train_bandit, train_hypothesis
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress

HELD_OUT_SEED, HYPOTHESIS_EPISODES = 4000, 4000


def recipe(name: str) -> Recipe | HypothesisRecipe:
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


def follow(plan: Recipe | HypothesisRecipe, progress: Progress, folder: Path) -> dict[str, Any]:
    """Train what a plan says, on one thread: sums of several threads are not reproducible."""
    folder.mkdir(parents=True, exist_ok=True)
    tick = checkpoints.step_counter(progress, plan.steps)
    with checkpoints.one_thread():
        if isinstance(plan, HypothesisRecipe):
            found, offsets = train_hypothesis.train_policies(
                plan.problem, plan.seed, plan.updates, plan.rate, tick
            )
        else:
            found, offsets = train_bandit.train_policies(
                CLASSES, plan.seed, plan.shared, plan.own, plan.rate, tick
            )
        weights: dict[str, torch.Tensor] = {}
        for who, network in found.items():
            weights |= checkpoints.halves(network.state_dict(), f"{who}.")
        save_file(weights, folder / f"{plan.name}.safetensors")
        restore.cache_clear()
        card = asdict(plan) | {
            "source": source_digest(plan),
            "offsets": [round(float(offset), 4) for offset in offsets],
            "held_out": (
                held_out_hypotheses(plan, folder)
                if isinstance(plan, HypothesisRecipe)
                else held_out(plan, folder)
            ),
        }
    (folder / f"{plan.name}.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card


def held_out(plan: Recipe, folder: Path) -> dict[str, float]:
    """Return worst-case losses of the shipped file by class: specialist, robust, prior."""
    policies, found = restore(plan.name, folder), {}
    for k, hard in enumerate(CLASSES):
        for who in (f"specialist-{k}", "robust", "prior"):
            loss = train_bandit.measure_loss(policies[who], float(hard), HELD_OUT_SEED + plan.seed)
            found[f"{who.partition('-')[0]}_r{hard:.0f}"] = round(loss, 4)
    return found


def held_out_hypotheses(plan: HypothesisRecipe, folder: Path) -> dict[str, float]:
    """Return average losses of the shipped file: robust, prior."""
    policies = restore(plan.name, folder)
    seen = generate_hypotheses(
        plan.problem, train_bandit.QUERIES, HYPOTHESIS_EPISODES, HELD_OUT_SEED + plan.seed, None
    )
    every = np.arange(HYPOTHESIS_EPISODES)
    found = {}
    for who, network in policies.items():
        played = run(
            HypothesisPolicy(network),
            seen.model,
            seen.truth,
            seen.chances,
            seen.drawn,
            every,
            every,
        )
        found[who] = round(1 - float(played.right.mean()), 4)
    return found


def source_digest(plan: Recipe | HypothesisRecipe) -> str:
    """Return a digest of the code that a recipe's training depends on."""
    return checkpoints.code_digest(
        train_hypothesis if isinstance(plan, HypothesisRecipe) else train_bandit
    )

"""Checkpoints: fp16 safetensors with a JSON card beside each, rebuilt from seeds.

A card says which recipe made the file, a digest of the sources it was made with, the offsets, and
the losses that the shipped fp16 file was measured to have: of arms worst-case losses with fresh
adversaries, of hunts the average case.

What `same_as` says was shown of code that takes the loop of `shared/training/trainer.py`: 45 shared and 45 own
steps of `policies-s0` and `-s3`, and 30 updates of `questions-s0` and `thresholds-s0`, gave the same weights to
the bit as the code before, both with kernels compiled in the process. Kernels from numba's disk cache give other
bits, in either code: sums are compiled to run in any order (`compiled_network.py`).
"""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from adabench.workloads.algorithms.active_search.recipes import HypothesisRecipe, Recipe, recipes
from adabench.workloads.algorithms.active_search.substrate.bandit_families import (
    CLASSES,
    generate_hypotheses,
)
from adabench.workloads.algorithms.active_search.substrate.hypothesis_policy import HypothesisPolicy
from adabench.workloads.algorithms.active_search.substrate.hypothesis_search import run
from adabench.workloads.algorithms.active_search.substrate.policy_network import Network
from adabench.workloads.algorithms.active_search.substrate.trained_policies import FOLDER, restore
from adabench.workloads.algorithms.active_search.training import train_bandit, train_hypothesis
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import ship
from adabench.workloads.shared.training.trainer import silent

HELD_OUT_SEED, HYPOTHESIS_EPISODES = 4000, 4000


def recipe(name: str) -> Recipe | HypothesisRecipe:
    """Return a recipe.

    Raises:
        SelectionError: if there is none of that name.
    """
    return checkpoints.find_recipe(name, recipes())


def train(name: str, progress: Progress = silent, *, folder: Path = FOLDER) -> dict[str, Any]:
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
        rounded = [round(float(offset), 4) for offset in offsets]
        return ship(
            plan, weights, folder, lambda: held_out(plan, folder), (_teacher(plan),),
            under="held_out", facts={"offsets": rounded},
        )  # fmt: skip


def held_out(plan: Recipe | HypothesisRecipe, folder: Path) -> dict[str, float]:
    """Return losses of the file in a folder: of arms the worst case by class, of hunts the average."""
    restore.cache_clear()
    policies, found = restore(plan.name, folder), {}
    if isinstance(plan, HypothesisRecipe):
        return {who: average_loss(plan, network) for who, network in policies.items()}
    for k, hard in enumerate(CLASSES):
        for who in (f"specialist-{k}", "robust", "prior"):
            loss = train_bandit.measure_loss(policies[who], float(hard), HELD_OUT_SEED + plan.seed)
            found[f"{who.partition('-')[0]}_r{hard:.0f}"] = round(loss, 4)
    return found


def average_loss(plan: HypothesisRecipe, network: Network) -> float:
    """Return the share of fresh hunts in which a policy is wrong."""
    seen = generate_hypotheses(
        plan.problem, train_bandit.QUERIES, HYPOTHESIS_EPISODES, HELD_OUT_SEED + plan.seed, None
    )
    every, policy = np.arange(HYPOTHESIS_EPISODES), HypothesisPolicy(network)
    played = run(policy, seen.model, seen.truth, seen.chances, seen.drawn, every, every)
    return round(1 - float(played.right.mean()), 4)


def source_digest(plan: Recipe | HypothesisRecipe) -> str:
    """Return a digest of the code that a recipe's training depends on."""
    return checkpoints.code_digest(_teacher(plan))


def _teacher(plan: Recipe | HypothesisRecipe) -> ModuleType:
    return train_hypothesis if isinstance(plan, HypothesisRecipe) else train_bandit

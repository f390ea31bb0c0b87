"""Checkpoints: packed safetensors with a JSON card beside each, rebuilt from seeds; see `recipes.py`.

A policy is packed in eight bits; one that goes on from another, in four bits of the differences.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from adabench.workloads.shared.training import checkpoints, int8_packing
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import ship
from adabench.workloads.shared.training.reinforce import Outcome
from adabench.workloads.test_time.countdown.recipes import (
    FOLDER,
    MORE,
    SEARCH_TRAINING,
    SEARCHES,
    Recipe,
    recipes,
)
from adabench.workloads.test_time.countdown.substrate.trained_models import engine, restore
from adabench.workloads.test_time.countdown.training import train_by_reward, train_policy


def train(
    name: str, progress: Progress = lambda done, steps: None, *, folder: Path = FOLDER
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    Raises:
        SelectionError: if there is no recipe of that name.
    """
    recipe = checkpoints.find_recipe(name, recipes())
    folder.mkdir(parents=True, exist_ok=True)
    if recipe.start:
        return _train_on(recipe, progress, folder)
    weights = int8_packing.packed(train_policy.train(recipe, progress).state_dict())
    return ship(recipe, weights, folder, _figures(name, folder), [train_policy])


def _train_on(recipe: Recipe, progress: Progress, folder: Path) -> dict[str, Any]:
    """Train a policy on from the one that it starts from, which is read from `folder` if it is there."""
    there = (folder / f"{recipe.start}{checkpoints.SUFFIX}").exists()
    start = restore(recipe.start, folder if there else None)
    code, facts = _code(recipe), dict[str, Any]()
    more = code is train_policy
    made = (
        train_policy.train(recipe, progress, start) if more else code.train(recipe, start, progress)
    )
    model = made.model if isinstance(made, Outcome) else made
    if isinstance(made, Outcome):
        last = made.curve[-1]
        facts = {
            "words": last.words, "samples": last.samples, "updates": last.updates,
            "curve": [round(point.accuracy, 4) for point in made.curve], "remarks": made.remarks,
        }  # fmt: skip
    before = start.state_dict()
    moved = {key: value - before[key] for key, value in model.state_dict().items()}
    weights = int8_packing.paired(int8_packing.packed(moved, int8_packing.PAIRED_LEVELS))
    return ship(recipe, weights, folder, _figures(recipe.name, folder), [code], facts=facts)


def _figures(name: str, folder: Path) -> Callable[[], dict[str, float]]:
    def figures() -> dict[str, float]:
        restore.cache_clear()
        recipe, policy = recipes()[name], engine(name, folder)
        if recipe.successor in SEARCHES:
            found: dict[str, float] = _code(recipe).report(policy, recipe.successor)
            return found
        return train_policy.report(policy)

    return figures


def _code(recipe: Recipe) -> ModuleType:
    """Return the module that trains a policy on."""
    if recipe.successor in SEARCHES:
        return import_module(SEARCH_TRAINING)
    return train_policy if recipe.successor == MORE else train_by_reward

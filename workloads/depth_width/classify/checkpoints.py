"""Trains a recipe of this task by name."""

from pathlib import Path
from typing import Any

from adabench.workloads.depth_width.classify.recipes import recipes
from adabench.workloads.shared.training.checkpoints import Progress, find_recipe
from adabench.workloads.shared.training.trainer import silent


def train(name: str, progress: Progress = silent, *, folder: Path | None = None) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    Raises:
        SelectionError: if there is no recipe of that name.
        EnvironmentProblem: if what it builds on is not there: an encoder, a package.
    """
    recipe = find_recipe(name, recipes())
    place = recipe.home if folder is None else folder
    place.mkdir(parents=True, exist_ok=True)
    return recipe.build(progress, place)

"""Trains a recipe of this task by name, for a model and a text."""

from pathlib import Path
from typing import Any

from adabench.workloads.depth_width.pretrained.recipes import recipes
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import Progress, silent


def train(
    name: str, progress: Progress = silent, *, folder: Path | None = None, **conditions: Any
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    `conditions` are the task's `model`, `data`, `device` and `fitting`.

    Raises:
        SelectionError: if there is no recipe of that name.
    """
    recipe = checkpoints.named(name, recipes(**conditions))
    return checkpoints.train(recipe, progress, folder=folder)

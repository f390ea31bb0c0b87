"""Trains a recipe of a task by its name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import Progress, Recipe, silent


def train_named(
    recipes: Callable[..., Mapping[str, Recipe]],
    name: str,
    progress: Progress = silent,
    *,
    folder: Path | None = None,
    **conditions: Any,
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    `conditions` are those of the task that its recipes depend on.

    Raises:
        SelectionError: if there is no recipe of that name.
    """
    recipe = checkpoints.named(name, recipes(**conditions))
    return checkpoints.train(recipe, progress, folder=folder)

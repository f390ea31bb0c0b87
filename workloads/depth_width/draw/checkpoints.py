"""Trains a recipe of this task by name."""

from pathlib import Path
from typing import Any

from adabench.workloads.depth_width.draw.recipes import recipes
from adabench.workloads.depth_width.draw.substrate.training_names import FOLDER
from adabench.workloads.shared.training.checkpoints import Progress, find_recipe
from adabench.workloads.shared.training.trainer import silent


def train(name: str, progress: Progress = silent, *, folder: Path = FOLDER) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    Raises:
        SelectionError: if there is no recipe of that name.
    """
    return find_recipe(name, recipes()).build(progress, folder)

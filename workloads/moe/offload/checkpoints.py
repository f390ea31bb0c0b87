"""Trains a recipe of this task by name."""

from pathlib import Path
from typing import Any

from adabench.workloads.moe.offload.recipes import recipes
from adabench.workloads.shared.training.checkpoints import Progress, find_recipe
from adabench.workloads.shared.training.trainer import silent


def train(name: str, progress: Progress = silent, *, folder: Path) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card."""
    return find_recipe(name, recipes()).build(progress, folder)

"""Trains a recipe of this task by name."""

from pathlib import Path
from typing import Any

from adabench.workloads.depth_width.ledger.recipes import recipes
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import Progress, silent


def train(name: str, progress: Progress = silent, *, folder: Path | None = None) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    Raises:
        SelectionError: if there is no recipe of that name.
    """
    return checkpoints.train(checkpoints.named(name, recipes()), progress, folder=folder)

"""Checkpoints of this task: safetensors with a JSON card beside each, rebuilt from seeds."""

from pathlib import Path
from typing import Any

from adabench.workloads.agents.workflows.recipes import recipes
from adabench.workloads.agents.workflows.substrate import library, pruners
from adabench.workloads.agents.workflows.training import train_library, train_pruner
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import ship


def train(
    name: str, progress: Progress = lambda done, steps: None, *, folder: Path = pruners.FOLDER
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    Raises:
        EnvironmentProblem: if its policies are not there, or it misses a gate.
        SelectionError: if there is no recipe of that name.
    """
    plan = checkpoints.find_recipe(name, recipes())
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(plan, pruners.PrunerRecipe):
        weights, dev = train_pruner.train(plan, progress)
        return ship(plan, weights, folder, lambda: dev, [train_pruner], gates=pruners.GATES)
    weights, dev = train_library.train(plan, progress)
    return ship(plan, weights, folder, lambda: dev, [train_library], gates=library.GATES)

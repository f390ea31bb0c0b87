"""Checkpoints of routers: safetensors with a JSON card beside each, rebuilt from seeds."""

from pathlib import Path
from typing import Any

from adabench.workloads.agents.teams.substrate.routers import FOLDER, GATES, recipes
from adabench.workloads.agents.teams.training import train_router
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import ship


def train(
    name: str, progress: Progress = lambda done, steps: None, *, folder: Path = FOLDER
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    Raises:
        EnvironmentProblem: if its policies are not there, or it misses a gate.
        SelectionError: if there is no recipe of that name.
    """
    plan = checkpoints.find_recipe(name, recipes())
    folder.mkdir(parents=True, exist_ok=True)
    weights, dev = train_router.train(plan, progress)
    return ship(plan, weights, folder, lambda: dev, [train_router], gates=GATES)

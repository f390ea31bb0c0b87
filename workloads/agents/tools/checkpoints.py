"""Checkpoints of choosers: fp16 safetensors with a JSON card beside each, rebuilt from seeds.

A card says which recipe made the file, a digest of the sources it was made with, and the figures of its gates, measured on the file
as it is shipped. Who loads a chooser holds them against its gates (`substrate/choosers.py`).
"""

from pathlib import Path
from typing import Any

from adabench.workloads.agents.tools.substrate.choice_words import CHOICE_VOCABULARY
from adabench.workloads.agents.tools.substrate.choosers import FOLDER, recipes, restore_chooser
from adabench.workloads.agents.tools.training import train_choosers
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import ship


def train(
    name: str, progress: Progress = lambda done, steps: None, *, folder: Path = FOLDER
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    Raises:
        SelectionError: if there is no recipe of that name.
    """
    plan = checkpoints.find_recipe(name, recipes())
    folder.mkdir(parents=True, exist_ok=True)
    model = train_choosers.train(plan, progress)
    weights = checkpoints.halves(model.state_dict())
    return ship(plan, weights, folder, lambda: _figures(name, folder), [train_choosers])


def _figures(name: str, folder: Path) -> dict[str, float]:
    restore_chooser.cache_clear()
    chooser = restore_chooser(name, folder)
    return train_choosers.figures(NativeEngine(chooser, name, vocabulary=CHOICE_VOCABULARY))

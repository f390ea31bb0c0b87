"""Training recipes of every task, found and followed.

A task whose folder holds `recipes.py` (`recipes() -> {name: recipe}`) and `checkpoints.py`
(`train(name, progress, folder=...) -> card`) ships checkpoints that anyone can rebuild.
"""

import fnmatch
import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError, nearest

Progress = Callable[[int, int], None]
"""Steps done, and steps in all."""


@dataclass(frozen=True)
class TrainingRecipe:
    """One recipe of one task."""

    task: str
    name: str
    steps: int
    forecast_s: float
    """Of one core."""
    trainer: ModuleType
    """The task's `checkpoints` module."""


def find_recipes(patterns: Sequence[str] = ()) -> list[TrainingRecipe]:
    """Return the recipes that match `name`, `task/name` or patterns of them; all for none.

    Raises:
        SelectionError: for a pattern that matches nothing.
    """
    known = {f"{recipe.task}/{recipe.name}": recipe for recipe in _all_recipes()}
    chosen: dict[str, TrainingRecipe] = {}
    for pattern in patterns or ("*",):
        matching = fnmatch.filter(known, pattern if "/" in pattern else f"*/{pattern}")
        if patterns and not matching:
            names = [recipe.name for recipe in known.values()]
            raise SelectionError(f"There is no recipe {pattern!r}.", nearest(pattern, names))
        chosen |= {address: known[address] for address in matching}
    return list(chosen.values())


def follow_recipe(
    recipe: TrainingRecipe, progress: Progress = lambda done, steps: None, out: Path | None = None
) -> dict[str, Any]:
    """Train as a recipe says, into `out` or the task's own folder; return the checkpoint's card."""
    place = {} if out is None else {"folder": out}
    card: dict[str, Any] = recipe.trainer.train(recipe.name, progress, **place)
    return card


def _all_recipes() -> Iterator[TrainingRecipe]:
    for task in registry.tasks().values():
        if not task.path.with_name("recipes.py").is_file():
            continue
        package = task.module.rpartition(".")[0]
        trainer = importlib.import_module(f"{package}.checkpoints")
        for name, recipe in importlib.import_module(f"{package}.recipes").recipes().items():
            yield TrainingRecipe(task.name, name, recipe.steps, recipe.forecast_s, trainer)

"""Training recipes of every task, found.

A task whose folder holds `recipes.py` (`recipes() -> {name: recipe}`) and `checkpoints.py`
(`train(name, progress, folder=...) -> card`) has checkpoints that anyone can rebuild. A training
writes weights, `NAME.*`, and a card, `NAME.json`, into `folder`, where it also finds the task's other
checkpoints. A field of a recipe that holds another recipe, or its name, says what it builds on.
A recipe may have a `home`, a folder of its own for what is not shipped, and `is_cached`, which says
whether it is there. Where `recipes` takes conditions of its task by name (a model, a text), they are
for those, and `train` is handed them too. How a recipe is followed is in `harness/store/staged_training.py`.
"""

import fnmatch
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
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
    package: str
    """The task's package. Its `checkpoints` is imported when the recipe is followed: it brings torch."""
    plan: Any
    """What the task's `recipes` module holds under the name."""
    shipped: Path
    """The folder of the task's shipped checkpoints."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """Of its task, that it was asked for under."""

    @property
    def trainer(self) -> ModuleType:
        """Return the task's `checkpoints` module."""
        return importlib.import_module(f"{self.package}.checkpoints")


def find_recipes(
    patterns: Sequence[str] = (), conditions: Mapping[str, str] | None = None
) -> list[TrainingRecipe]:
    """Return the recipes that match `name`, `task/name` or patterns of them; all for none.

    With conditions they are those of tasks whose recipes depend on all of these.

    Raises:
        SelectionError: for a pattern that matches nothing, or conditions that no recipe knows.
    """
    tasks = [one.partition("/")[0] if "/" in one else "*" for one in patterns or ("*",)]
    found = list(_all_recipes(conditions or {}, tasks if conditions else ["*"]))
    if conditions and not found:
        raise SelectionError(f"No recipe depends on {', '.join(conditions)}.", "Leave out --set.")
    known = {f"{recipe.task}/{recipe.name}": recipe for recipe in found}
    chosen: dict[str, TrainingRecipe] = {}
    for pattern in patterns or ("*",):
        matching = fnmatch.filter(known, pattern if "/" in pattern else f"*/{pattern}")
        if patterns and not matching:
            names = [recipe.name for recipe in known.values()]
            raise SelectionError(f"There is no recipe {pattern!r}.", nearest(pattern, names))
        chosen |= {address: known[address] for address in matching}
    return list(chosen.values())


def bases_of(recipe: TrainingRecipe) -> list[TrainingRecipe]:
    """Return the recipes that one goes on from: those that its fields hold, or name."""
    known: dict[str, TrainingRecipe] = {}
    for other in _all_recipes(recipe.conditions, [recipe.task] if recipe.conditions else ["*"]):
        if other.name not in known or other.task == recipe.task:
            known[other.name] = other
    names = {_base_name(value) for value in _values(recipe.plan)} - {recipe.name}
    return [known[name] for name in sorted(names & known.keys())]


def _values(plan: Any) -> list[Any]:
    """Return what the fields of a recipe hold."""
    return [getattr(plan, part.name) for part in fields(plan)] if is_dataclass(plan) else []


def _base_name(value: Any) -> str:
    """Return the name that a field holds, its own or its recipe's; empty if it holds neither."""
    name = getattr(value, "name", "") if hasattr(value, "build") else value
    return name if isinstance(name, str) else ""


def _all_recipes(conditions: Mapping[str, str], tasks: Sequence[str]) -> Iterator[TrainingRecipe]:
    """Yield the recipes of tasks that match patterns: no other looks at what conditions name."""
    for task in registry.tasks().values():
        wanted = any(fnmatch.fnmatch(task.name, pattern) for pattern in tasks)
        if not wanted or not task.path.with_name("recipes.py").is_file():
            continue
        package = task.module.rpartition(".")[0]
        recipes = importlib.import_module(f"{package}.recipes").recipes
        if not conditions.keys() <= inspect.signature(recipes).parameters.keys():
            continue
        for name, recipe in recipes(**conditions).items():
            yield TrainingRecipe(
                task.name, name, recipe.steps, recipe.forecast_s, package, recipe,
                task.path.with_name("checkpoints"), conditions,
            )  # fmt: skip

"""Where the family's recipes are kept: each where its file is shipped, or else in the user's cache.

A model has `TRAININGS` recipes, or more, that differ in their training seed. The first are shipped; `adabench
train` makes the others. A run takes those that are there in turn, seed by seed.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from itertools import count
from typing import Any, TypeVar

from adabench.harness.store import checkpoint_folders, used_artefacts
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX, Recipe

R = TypeVar("R")
K = TypeVar("K", bound=Recipe)
TRAININGS = (0, 1, 2, 3, 4)
"""Training seeds that recipes have."""


def at_home(recipe: R) -> R:
    """Return a recipe whose `home` has its file, or is to have it; so with all it builds on."""
    plan: Any = recipe
    changes: dict[str, Any] = {}
    for part in fields(plan):
        value = getattr(plan, part.name)
        if part.name == "home":
            changes["home"] = checkpoint_folders.home(f"{plan.name}{SUFFIX}", value)
        elif hasattr(value, "build"):
            changes[part.name] = at_home(value)
    made: R = replace(plan, **changes)
    return made


def noted(recipe: R) -> R:
    """Note that what a recipe makes is handed out, with all it builds on; return the recipe."""
    plan: Any = recipe
    used_artefacts.note(plan.name, plan.home / f"{plan.name}{SUFFIX}")
    for part in fields(plan):
        value = getattr(plan, part.name)
        if hasattr(value, "build"):
            noted(value)
    return recipe


def of_run(base: str, seed: int, known: Mapping[str, Recipe], kind: type[K]) -> K:
    """Return a model's recipe for a run seed, and note that it is handed out.

    Raises:
        SelectionError: if there is none of that name, or it makes something else.
    """
    name = f"{base}-s{seed % trainings(base, known)}"
    return noted(checkpoints.of_kind(name, known, kind))


def trainings(base: str, known: Mapping[str, Recipe]) -> int:
    """Count a model's trainings that are there, from the first on; one where there is none."""
    missing = (k for k in count() if not _is_there(known.get(f"{base}-s{k}")))
    return max(next(missing), 1)


def _is_there(recipe: Recipe | None) -> bool:
    return recipe is not None and (recipe.home / f"{recipe.name}{SUFFIX}").exists()

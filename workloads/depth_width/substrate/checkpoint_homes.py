"""Where the family's recipes are kept: each where its file is shipped, or else in the user's cache.

Recipes name the folder that is shipped. What trains them, and what reads them, has this from here.
"""

from dataclasses import fields, replace
from typing import Any, TypeVar

from adabench.harness.store import checkpoint_folders, used_artefacts
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX

R = TypeVar("R")


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

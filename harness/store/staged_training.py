"""A recipe followed such that `kill -9` at any moment leaves whole checkpoints behind, or none.

A training writes into a scratch folder. The task's other checkpoints are linked there, since a recipe
may read them. What was made is copied into place at the end: weights, then the card. A training that
was killed leaves the destination as it was, and its scratch folder is swept with the next start.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from adabench.harness.contract.recipes import Progress, TrainingRecipe, bases_of
from adabench.harness.errors import EnvironmentProblem
from adabench.harness.files import whole_file
from adabench.harness.files.scratch_folder import scratch_folder
from adabench.harness.store import checkpoint_folders
from adabench.harness.store.prepared_states import cached_checkpoints

Where = Literal["shipped", "cached", "missing"]


def silent(done: int, steps: int) -> None:
    """Say nothing of a training's progress."""


def where(recipe: TrainingRecipe) -> Where:
    """Say where the checkpoint of a recipe is."""
    if _is_default(recipe) and checkpoint_folders.holds(recipe.shipped, recipe.name):
        return "shipped"
    own = getattr(recipe.plan, "is_cached", None)
    cached = checkpoint_folders.holds(_cached(recipe), recipe.name) if own is None else own
    return "cached" if cached else "missing"


def missing_bases(recipe: TrainingRecipe, out: Path | None = None) -> list[TrainingRecipe]:
    """Return the recipes to follow before this one, in order: what it builds on and is nowhere."""
    found: dict[str, TrainingRecipe] = {}
    for base in bases_of(recipe):
        if where(base) == "missing" and not (out and checkpoint_folders.holds(out, base.name)):
            found |= {one.name: one for one in (*missing_bases(base), base)}
    return list(found.values())


def destination(recipe: TrainingRecipe) -> Path:
    """Return where a recipe's checkpoint goes: where it is shipped, or into the user's cache.

    What is shipped is rebuilt in a source tree, and never in an installation. It was made under the
    task's default conditions: what was asked for under others has a place of its own.
    """
    files = checkpoint_folders.files_of(recipe.shipped, recipe.name)
    is_shipped = bool(files) and _is_default(recipe)
    if is_shipped and checkpoint_folders.is_writable_source(recipe.shipped):
        return recipe.shipped
    own: Path = getattr(recipe.plan, "home", recipe.shipped)
    is_elsewhere = not is_shipped and own.resolve() != recipe.shipped.resolve()
    return own if is_elsewhere else _cached(recipe)


def follow_recipe(
    recipe: TrainingRecipe, progress: Progress = silent, out: Path | None = None
) -> dict[str, Any]:
    """Train as a recipe says, into `out` or its own destination; return the checkpoint's card.

    What it builds on is trained before, into destinations of its own, where that is missing.

    Raises:
        EnvironmentProblem: if the destination cannot be written; nothing was trained then.
    """
    for base in missing_bases(recipe, out):
        follow_recipe(base)
    place = destination(recipe) if out is None else out
    _written(lambda: _clear(place), place)
    with scratch_folder("train") as stage:
        _link_others(stage, recipe, place)
        card: dict[str, Any] = recipe.trainer.train(
            recipe.name, progress, folder=stage, **recipe.conditions
        )
        if made := checkpoint_folders.files_of(stage, recipe.name):
            _written(lambda: whole_file.copy_whole(made, place), place)
    return card


def _is_default(recipe: TrainingRecipe) -> bool:
    """Say whether a recipe is the one whose checkpoint may be shipped under its name."""
    if not recipe.conditions:
        return True
    own: Path = getattr(recipe.plan, "home", recipe.shipped)
    return own.resolve() == recipe.shipped.resolve()


def _cached(recipe: TrainingRecipe) -> Path:
    return cached_checkpoints(recipe.shipped.parent)


def _clear(place: Path) -> None:
    """Make a folder if need be, sweep it, and see that it can be written before hours are spent."""
    place.mkdir(parents=True, exist_ok=True)
    with whole_file.hold_folder(place), tempfile.TemporaryFile(dir=place):
        whole_file.sweep(place)


def _link_others(stage: Path, recipe: TrainingRecipe, place: Path) -> None:
    """Show a training what it may read: other checkpoints, of its destination before all others.

    Its own files are never linked: who writes through a link changes what it names.
    """
    for folder in (place, recipe.shipped, _cached(recipe)):
        for path in checkpoint_folders.visible_files(folder):
            link = stage / path.name
            if not path.name.startswith(f"{recipe.name}.") and not link.exists():
                link.symlink_to(path.resolve())


def _written(write: Callable[[], None], place: Path) -> None:
    try:
        write()
    except OSError as problem:
        raise EnvironmentProblem(
            f"A checkpoint cannot be written to {place}: {problem.strerror}.",
            "Name a folder that can be written with --out.",
        ) from problem

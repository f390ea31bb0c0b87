"""`adabench train`: recipes listed, and followed with a progress bar."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adabench.cli.selection import AsJson, Fixed, Out
from adabench.cli.terminal import talk
from adabench.harness.errors import SelectionError

if TYPE_CHECKING:
    from adabench.harness.contract.recipes import Progress, TrainingRecipe

LINES = 10
"""Plain output says something every tenth of the steps."""


def command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Recipes, or patterns of them; none lists all.")
    ] = None,
    fixed: Fixed = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild shipped checkpoints from their seeds, and make others in the user's cache."""
    from adabench.harness.contract.recipes import find_recipes

    recipes = find_recipes(tuple(names or ()), read_conditions(fixed or ()))
    if not names:
        rows = [_row(recipe) for recipe in recipes]
        print(json.dumps(rows) if as_json else table(rows))
        return
    for recipe in recipes:
        card = _follow(recipe, out)
        scored = card.get("held_out", card.get("dev"))
        print(json.dumps(card) if as_json else f"{recipe.name}: {scored}")


def read_conditions(words: Sequence[str]) -> dict[str, str]:
    """Read conditions that recipes are for, written as k=v.

    Raises:
        SelectionError: for a word that is not of this form.
    """
    pairs = [word.partition("=") for word in words]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise SelectionError(
                f"--set {name}{equals}{value} is not k=v.", "For example: --set model=hf:./my-llama"
            )
    return {name: value for name, _, value in pairs}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Lay recipes out as text."""
    addresses = [f"{row['task']}/{row['name']}" for row in rows]
    width = max(map(len, addresses), default=0)
    return "\n".join(
        f"{address:{width}}  {row['where']:7}  {row['steps']:6} steps  about "
        f"{row['forecast_s']:.0f} s of one core"
        for address, row in zip(addresses, rows, strict=True)
    )


def _row(recipe: "TrainingRecipe") -> dict[str, Any]:
    from adabench.harness.store.staged_training import where

    said = {"task": recipe.task, "name": recipe.name, "steps": recipe.steps}
    return {**said, "forecast_s": recipe.forecast_s, "where": where(recipe)}


def _follow(recipe: "TrainingRecipe", out: Path | None) -> dict[str, Any]:
    """Follow a recipe, and those that it builds on and that are nowhere; return its card."""
    from adabench.harness.store.checkpoint_folders import holds
    from adabench.harness.store.staged_training import destination, follow_recipe, missing_bases

    for base in missing_bases(recipe, out):
        talk(f"{recipe.name} builds on {base.name}, which is missing and is made first.")
        _follow(base, None)
    with show_steps(recipe) as progress:
        card = follow_recipe(recipe, progress, out)
    if out is None or holds(out, recipe.name):  # a conversion goes into the cache alone
        talk(f"{recipe.name} is in {out or destination(recipe)}.")
    return card


@contextmanager
def show_steps(recipe: "TrainingRecipe") -> Iterator["Progress"]:
    """Show on stderr how far a training is: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield lambda done, steps: _line(recipe, done, steps)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        row = bar.add_task(recipe.name, total=recipe.steps)
        yield lambda done, steps: bar.update(row, completed=done, total=steps)


def _line(recipe: "TrainingRecipe", done: int, steps: int) -> None:
    if done % max(1, steps // LINES) == 0:
        talk(f"{recipe.name}: {done} of {steps} steps")

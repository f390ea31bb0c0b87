"""`adabench train`: recipes listed, and followed with a progress bar."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.selection import AsJson, Out
from adabench.cli.terminal import talk

if TYPE_CHECKING:
    from adabench.harness.contract.recipes import Progress, TrainingRecipe

LINES = 10
"""Plain output says something every tenth of the steps."""


def command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Recipes, or patterns of them; none lists all.")
    ] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild shipped checkpoints from their seeds."""
    from adabench.harness.contract.recipes import find_recipes, follow_recipe

    recipes = find_recipes(tuple(names or ()))
    if not names:
        rows = [{"task": x.task, "name": x.name, "steps": x.steps} for x in recipes]
        print(json.dumps(rows) if as_json else table(recipes))
        return
    for recipe in recipes:
        with show_steps(recipe) as progress:
            card = follow_recipe(recipe, progress, out)
        scored = card.get("held_out", card.get("dev"))
        print(json.dumps(card) if as_json else f"{recipe.name}: {scored}")


def table(recipes: Sequence["TrainingRecipe"]) -> str:
    """Lay recipes out as text."""
    width = max((len(recipe.name) for recipe in recipes), default=0)
    return "\n".join(
        f"{recipe.task}/{recipe.name:{width}}  {recipe.steps:6} steps  about "
        f"{recipe.forecast_s:.0f} s of one core"
        for recipe in recipes
    )


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

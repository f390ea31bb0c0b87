"""`adabench train`: recipes listed, and followed with a progress bar."""

import fnmatch
import json
import re
import sys
from collections import Counter, defaultdict
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
_SEED = re.compile(r"-s\d+$")
"""The training seed, in which a recipe's name ends."""


def command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Recipes, or patterns of them; none lists all.")
    ] = None,
    fixed: Fixed = None,
    out: Out = None,
    as_json: AsJson = False,
    *,
    missing: Annotated[
        bool, typer.Option("--missing", help="Leave out what is shipped or in the cache already.")
    ] = False,
) -> None:
    """Rebuild shipped checkpoints from their seeds, and make others in the user's cache."""
    from adabench.harness.contract.recipes import find_recipes
    from adabench.harness.store.staged_training import where

    recipes = find_recipes(tuple(names or ()), read_conditions(fixed or ()))
    if missing:
        number = len(recipes)
        recipes = [recipe for recipe in recipes if where(recipe) == "missing"]
        talk(f"{number - len(recipes)} of {number} are there already.")
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
    """Lay recipes out as text, a line for those that differ in their training seed alone."""
    series = defaultdict(list)
    for row in rows:
        series[row["task"], _SEED.sub("-s", row["name"])].append(row)
    lines = [
        (_pattern(own, rows), _places(own), _range(own, "steps"), _range(own, "forecast_s"))
        for own in series.values()
    ]
    address, place, steps = (max((len(line[k]) for line in lines), default=0) for k in range(3))
    return "\n".join(
        f"{line[0]:{address}}  {line[1]:{place}}  {line[2]:>{steps}} steps  about {line[3]} s of one core"
        for line in lines
    )


def _range(own: Sequence[Mapping[str, Any]], name: str) -> str:
    """Write what recipes of a series take each: one number, or the least and the most."""
    numbers = [row[name] for row in own]
    least, most = f"{min(numbers):.0f}", f"{max(numbers):.0f}"
    return least if least == most else f"{least} to {most}"


def _pattern(own: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the words by which `adabench train` finds these recipes and no others."""
    first = f"{own[0]['task']}/{own[0]['name']}"
    if len(own) == 1:
        return first
    pattern = _SEED.sub("-s*", first)
    matching = fnmatch.filter((f"{row['task']}/{row['name']}" for row in rows), pattern)
    return pattern if len(matching) == len(own) else _SEED.sub("-s[0-9]*", first)


def _places(own: Sequence[Mapping[str, Any]]) -> str:
    """Say where the checkpoints of recipes are: in a word, or how many of them where."""
    numbers = Counter(row["where"] for row in own)
    if len(own) == 1:
        return str(own[0]["where"])
    return ", ".join(f"{number} {where}" for where, number in numbers.items())


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

"""`train`: the recipes of every task, and the progress of one being followed.

A task whose folder holds `recipes.py` (`recipes() -> {name: recipe}`) and `checkpoint.py`
(`train(name, progress, folder=...) -> card`) ships checkpoints that anyone can rebuild.
"""

import fnmatch
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError, nearest

LINE_EVERY = 10
"""Plain output says something every tenth of the steps."""


@dataclass(frozen=True)
class Lesson:
    """One recipe of one task."""

    task: str
    name: str
    steps: int
    forecast_s: float
    school: ModuleType
    """The task's `checkpoint` module."""


def lessons(patterns: tuple[str, ...]) -> list[Lesson]:
    """Return the recipes that match `name`, `task/name` or patterns of them; all for none.

    Raises:
        SelectionError: for a pattern that matches nothing.
    """
    known = {f"{lesson.task}/{lesson.name}": lesson for lesson in _all()}
    chosen: dict[str, Lesson] = {}
    for pattern in patterns or ("*",):
        wanted = pattern if "/" in pattern else f"*/{pattern}"
        found = fnmatch.filter(known, wanted)
        if patterns and not found:
            names = [lesson.name for lesson in known.values()]
            raise SelectionError(f"There is no recipe {pattern!r}.", nearest(pattern, names))
        chosen |= {address: known[address] for address in found}
    return list(chosen.values())


def _all() -> Iterator[Lesson]:
    for task in registry.tasks().values():
        if not task.path.with_name("recipes.py").is_file():
            continue
        package = task.module.rpartition(".")[0]
        school = importlib.import_module(f"{package}.checkpoint")
        for name, recipe in importlib.import_module(f"{package}.recipes").recipes().items():
            yield Lesson(task.name, name, recipe.steps, recipe.forecast_s, school)


def table(found: list[Lesson]) -> str:
    """Lay recipes out as text."""
    width = max((len(lesson.name) for lesson in found), default=0)
    return "\n".join(
        f"{lesson.task}/{lesson.name:{width}}  {lesson.steps:6} steps  about "
        f"{lesson.forecast_s:.0f} s of one core"
        for lesson in found
    )


def train(lesson: Lesson, out: Path | None) -> dict[str, Any]:
    """Follow one recipe, with a progress bar on stderr; return the checkpoint's card."""
    where = {} if out is None else {"folder": out}
    with _shown(lesson) as progress:
        card: dict[str, Any] = lesson.school.train(lesson.name, progress, **where)
    return card


@contextmanager
def _shown(lesson: Lesson) -> Iterator[Callable[[int, int], None]]:
    if not sys.stderr.isatty():
        yield lambda done, steps: _say(lesson, done, steps)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        row = bar.add_task(lesson.name, total=lesson.steps)
        yield lambda done, steps: bar.update(row, completed=done, total=steps)


def _say(lesson: Lesson, done: int, steps: int) -> None:
    if done % max(1, steps // LINE_EVERY) == 0:
        print(f"{lesson.name}: {done} of {steps} steps", file=sys.stderr)

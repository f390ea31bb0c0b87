"""Word problems with names and numbers of their own, generated: `gsm_symbolic` of the package reasoning-gym (0.1.25).

    Problem: A boy has 16 pencils. His brother has 9 fewer pencils than he has. How many do they have together?
    Step 1: His brother has 16 - 9 = 7 pencils.
    Step 2: Together, they have 16 + 7 = 23 pencils.
    Answer: 23

A **template** is a question of GSM8K with other names and numbers each time. The package has 100, and calls 15 of them
broken. Five more are left out: their own solutions cut off what a division leaves (78 / 12 = 6). Of the other 80
every fourth, in order of steps, is **held out**, and only those are asked; the other 60 are for practice, and
three of them stand worked in prompts. A **level** is how many lines of a template's solution hold an equation.

Only the package's two files of templates are run: the package itself asks for eleven others, one of which is compiled.
"""

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from adabench.harness.errors import EnvironmentProblem, MissingExtra, SelectionError, nearest
from adabench.workloads.test_time.text.truth.question_rows import QuestionRow

PACKAGE = "reasoning_gym"
PLACE, FILES = "arithmetic/gsm_symbolic", ("generators_00_49.py", "generators_50_99.py")
HELPERS = f"{PACKAGE}.utils"
BROKEN = frozenset({32, 35, 37, 61, 63, 65, 74, 76, 77, 79, 86, 87, 90, 97, 98})
"""What the package calls `tasks_need_fix`."""
CUT = frozenset({2, 4, 49, 75, 99})
HELD_OUT = (3, 6, 7, 11, 13, 16, 26, 27, 31, 40, 43, 47, 51, 55, 62, 69, 71, 80, 84, 88)
PRACTICE = tuple(sorted(set(range(100)) - BROKEN - CUT - set(HELD_OUT)))
WORKED = (54, 91, 44)
"""Of `PRACTICE`: two, three and four steps, each with a problem that is always the same."""
TRIES = 200
"""Draws without anything new after which a problem is asked again."""
_LONG = re.compile(r"\.\d{4,}")
"""A fraction that was written out, 0.6666666666666666."""


@dataclass(frozen=True)
class WordProblem:
    """A problem, its worked solution up to the answer, and the answer."""

    question: str
    solution: str
    answer: str
    steps: int


def rows(seed: int, count: int, level: str = "") -> tuple[QuestionRow, ...]:
    """Draw problems of held-out templates, one of each in turn; a seed begins where that before it ended.

    Raises:
        SelectionError: for a level that no template has.
        EnvironmentProblem: without the package, or with another one than was read here.
    """
    steps = {name: str(next(problems(name, "steps")).steps) for name in HELD_OUT}
    asked = [name for name in HELD_OUT if level in ("", steps[name])]
    if not asked:
        raise SelectionError(
            f"gsm_symbolic has no questions of level {level!r}: it is the number of steps of a solution.",
            nearest(level, sorted(set(steps.values()))),
        )
    streams = {name: problems(name, f"test {seed}") for name in asked}
    turns = (asked[(seed * count + place) % len(asked)] for place in range(count))
    drawn = (next(streams[name]) for name in turns)
    return tuple(QuestionRow(one.question, one.answer, str(one.steps)) for one in drawn)


def worked_examples() -> tuple[tuple[str, str], ...]:
    """Return problems of templates for practice with their solutions, always the same ones.

    Raises:
        EnvironmentProblem: without the package, or with another one than was read here.
    """
    drawn = (next(problems(name, "worked")) for name in WORKED)
    return tuple((one.question, one.solution) for one in drawn)


def problems(template: int, words: str) -> Iterator[WordProblem]:
    """Yield problems of a template for ever, other ones for other words; none twice as long as others are found.

    Raises:
        EnvironmentProblem: without the package, or with another one than was read here.
    """
    generator, random = _generators()[template], Random(f"{words} {template}")
    seen: set[str] = set()
    tries = 0
    while True:
        drawn = generator(random)
        question, answer = str(drawn["question"]), str(drawn["answer"])
        tries += 1
        is_odd = _LONG.search(question) or float(answer) <= 0
        if is_odd or (question in seen and tries < TRIES):
            continue
        seen.add(question)
        tries = 0
        yield _solved(question, answer, str(drawn["metadata"]["answer_cot"]))


def _solved(question: str, answer: str, solution: str) -> WordProblem:
    lines = [line.strip() for line in solution.rpartition("####")[0].splitlines() if line.strip()]
    numbered = [f"Step {place}: {line}" for place, line in enumerate(lines, 1)]
    steps = sum("=" in line for line in lines)
    return WordProblem(question, "\n".join([*numbered, f"Answer: {answer}"]), answer, steps)


@cache
def _generators() -> Mapping[int, Callable[[Random], Mapping[str, Any]]]:
    """Return by number the functions that draw problems.

    Raises:
        MissingExtra: if the package is not installed.
        EnvironmentProblem: if it is another one than was read here.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtra(
            "gsm_symbolic is not here: the package reasoning-gym is not installed.",
            "pip install --no-deps reasoning-gym==0.1.25 brings it (7 MB); what it asks for is not used.",
        )
    root = Path(found.submodule_search_locations[0])
    try:
        with _imported(HELPERS, root / "utils.py"):
            files = [_module(f"{PACKAGE}.{Path(file).stem}", root / PLACE / file) for file in FILES]
        every = {name: draw for file in files for name, draw in vars(file).items()}
        return {name: every[f"generate_{name}"] for name in (*HELD_OUT, *PRACTICE)}
    except (OSError, ImportError, KeyError) as problem:
        raise EnvironmentProblem(
            f"reasoning-gym in {root} is not as it was when its templates were read: {problem}",
            "pip install --no-deps reasoning-gym==0.1.25 brings the version that this was written for.",
        ) from problem


@contextmanager
def _imported(name: str, path: Path) -> Iterator[None]:
    """Let files import a module by its name, whose package is not run; leave nothing behind."""
    there = sys.modules.get(name)
    sys.modules[name] = _module(name, path)
    try:
        yield
    finally:
        del sys.modules[name]
        if there is not None:
            sys.modules[name] = there


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None, "its name ends in .py"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

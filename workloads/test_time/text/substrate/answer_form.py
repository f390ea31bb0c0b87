r"""How answers of a kind are read and told apart: what the condition `grader` says.

    auto             numbers by value, other texts by their plain form
    number           the number of an answer, whatever stands around it
    choice           the letter of an option
    text             without case, punctuation, articles and blanks
    math-verify      what the package reads there: x/2 and \frac{x}{2} are one
    FILE.py:NAME     by a function of yours; votes are read by `read(text)` of the file, if it has that

Votes and the grader read a completion by the same form, and nothing here knows what is right. Of a file the
function NAME is called by who grades alone, `read` by methods too.
"""

import hashlib
import importlib
import importlib.util
import logging
import re
import string
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

from adabench.harness.errors import MissingExtra, SelectionError, nearest
from adabench.workloads.shared.sources.named_path import is_file
from adabench.workloads.test_time.text.substrate.stated_answers import (
    NUMBER,
    RULES,
    Rule,
    number,
    plain_form,
    stated_text,
)

Kind = Literal["auto", "number", "choice", "text", "math-verify", "file"]
KINDS: tuple[Kind, ...] = get_args(Kind)[:-1]
ENDING, READ = ".py:", "read"
VERIFIER = "math_verify"
LETTERS = string.ascii_uppercase
_LETTER = re.compile(r"[\W_]*(?:[Oo]ption\s+)?([A-Z])(?=[\W_]*\Z|\s*[).:,\]*])")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_MORE: dict[Kind, tuple[Rule, ...]] = {
    "choice": (*RULES[:-1], "letter"),
    "text": (*RULES[:-1], "whole"),
}


@dataclass(frozen=True)
class AnswerForm:
    """How answers are read and told apart."""

    kind: Kind = "auto"
    file: str = ""
    function: str = ""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Return where in a completion an answer is looked for, for data that say nothing else."""
        return _MORE.get(self.kind, RULES)

    def stated(self, text: str, rules: tuple[Rule, ...], *, ended: bool) -> str | None:
        """Return the answer that a completion states, as this form reads it; None if it states none.

        Raises:
            SelectionError: if `read` of a file fails, or returns something else.
        """
        read = getattr(_module(self.file), READ, None) if self.kind == "file" else None
        if read is None:
            return stated_text(text, rules, ended=ended, value=self.value)
        found = self._called(read, text)
        if found is not None and not isinstance(found, str):
            raise _problem(
                f"{READ} of {self.file} returned {found!r:.60}.",
                "It returns the answer as a text, or None where there is none.",
            )
        return found

    def value(self, answer: str) -> str | None:
        """Return what this form sees in an answer; None if it sees nothing."""
        if self.kind == "number":
            numbers = (answer,) if number(answer) is not None else NUMBER.findall(answer)
            return numbers[-1] if numbers else None
        if self.kind == "choice":
            letter = _LETTER.match(answer)
            return letter[1] if letter else None
        return answer

    def plain(self, answer: str) -> str:
        """Return what is equal for equal answers; `answer` is a value."""
        if self.kind == "text":
            return normalised(answer)
        if self.kind == "math-verify" and number(answer) is None:
            return str(parsed(answer)[:1]) or plain_form(answer)
        return plain_form(answer)

    def grades(self, text: str, answer: str) -> bool:
        """Return what the function of a file says of a completion's text, and of the row's answer.

        Raises:
            SelectionError: if it fails, or says neither yes nor no.
        """
        found = self._called(getattr(_module(self.file), self.function), text, answer)
        if not isinstance(found, int | float) or found not in (0, 1):
            raise _problem(
                f"The grader {self} returned {found!r:.60}.", "It returns True or False."
            )
        return bool(found)

    def _called(self, function: Callable[..., Any], *what: str) -> Any:
        try:
            return function(*what)
        except Exception as problem:
            said = " ".join(f"{type(problem).__name__}: {problem}".split())[:200]
            raise _problem(
                f"{function.__name__} of {self.file} failed on the completion {what[0]!r:.80}: {said}",
                "Correct the function and begin a new run: one run has one grader.",
            ) from problem

    def __str__(self) -> str:
        """Return the words that it was read from."""
        return f"{self.file}:{self.function}" if self.kind == "file" else self.kind


AUTO = AnswerForm()


def _problem(message: str, hint: str) -> SelectionError:
    """Return what a grader's file does wrong: all that follows would meet the same."""
    problem = SelectionError(message, hint)
    problem.ends_run = True
    return problem


def answer_form(text: str) -> AnswerForm:
    """Read the words that name a grader, and see that it is there.

    Raises:
        SelectionError: if they name none, or a file that has no such function.
        MissingExtra: if its package is not here.
    """
    if ENDING in text:
        path, _, function = text.rpartition(":")
        return _of_file(path, function)
    kind = next((one for one in KINDS if one == text), None)
    if kind is None:
        raise SelectionError(
            f"{text!r} names no grader: it is none of {', '.join(KINDS)} and FILE.py:FUNCTION.",
            nearest(text, KINDS),
        )
    if kind == "math-verify" and importlib.util.find_spec(VERIFIER) is None:
        raise MissingExtra(
            "The grader math-verify is a package that is not installed.",
            "pip install math-verify brings it.",
        )
    return AnswerForm(kind)


def _of_file(path: str, function: str) -> AnswerForm:
    if not is_file(Path(path).expanduser()):
        raise SelectionError(f"There is no file {path}.", "Correct the path that grader names.")
    if not callable(getattr(_module(path), function, None)):
        raise SelectionError(
            f"{path} has no function {function!r}.",
            "Write def NAME(text, answer): ..., which returns True or False, and name it.",
        )
    return AnswerForm("file", path, function)


def _module(path: str) -> ModuleType:
    """Return the module of a file as it is now."""
    place = Path(path).expanduser()
    return _loaded(place, place.stat().st_mtime_ns if place.is_file() else 0)


@cache
def _loaded(place: Path, time_ns: int) -> ModuleType:
    name = f"grader_{hashlib.sha256(f'{place} {time_ns}'.encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, place)
    assert spec is not None
    assert spec.loader is not None, "its name ends in .py"
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found  # dataclasses of the file look for it there
    try:
        spec.loader.exec_module(found)
    except Exception as problem:
        said = " ".join(f"{type(problem).__name__}: {problem}".split())[:200]
        raise _problem(
            f"{place} cannot be imported: {said}", "Correct the file of your grader."
        ) from problem
    return found


def normalised(answer: str) -> str:
    """Return a text without case, punctuation, articles and blanks; as it is if nothing is left."""
    whole = unicodedata.normalize("NFKC", answer).casefold()
    words = "".join(" " if unicodedata.category(sign)[0] in "PZ" else sign for sign in whole)
    return " ".join(_ARTICLES.sub(" ", words).split()) or whole.strip()


def parsed(answer: str) -> list[Any]:
    """Return what `math-verify` reads in an answer; nothing if it reads nothing."""
    return list(verifier().parse(f"${answer.strip('$')}$", parsing_timeout=None))


@cache
def verifier() -> Any:
    """Return the library; it logs what it cannot read, which is an answer like another."""
    found = importlib.import_module(VERIFIER)
    logging.getLogger(VERIFIER).setLevel(logging.CRITICAL)
    return found

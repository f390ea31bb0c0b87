r"""What is right: the answers of a run's questions, and whether a completion states one of them.

An answer of the data is what stands behind `####`, or in its last `\\boxed{}`, or all of it. Numbers are
compared by their values. A formula is compared by `math-verify`, which knows that two ways of writing
it are one; other texts by their plain forms (`stated_answers.py`).
"""

import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from adabench.harness.errors import MissingExtra
from adabench.workloads.test_time.text.substrate.completions import CompletionReader
from adabench.workloads.test_time.text.substrate.stated_answers import (
    GOLD_MARK,
    boxed,
    number,
    plain_form,
)

VERIFIER = "math_verify"
_FORMULA = frozenset("\\^_{}")
"""Signs that only a formula has."""


@dataclass(frozen=True)
class Answers:
    """The grader: it knows what is right for each question of a run."""

    reader: CompletionReader
    golds: tuple[str, ...] = field(repr=False)

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        """Return whether a completion of that question states the right answer."""
        stated = self.reader.stated(completion)
        return stated is not None and equal(self.golds[index], stated)


def gold(answer: str) -> str:
    """Return the answer itself of an answer that comes with its solution."""
    behind = answer.rpartition(GOLD_MARK)[2].strip()
    return boxed(behind) or behind


def is_formula(answer: str) -> bool:
    """Say whether an answer must be read as a formula."""
    return number(answer) is None and bool(_FORMULA & set(answer))


def check_verifier(golds: Sequence[str]) -> None:
    """Refuse answers that cannot be graded here.

    Raises:
        MissingExtra: if one is a formula, and nothing here reads formulas.
    """
    formula = next(filter(is_formula, golds), None)
    if formula is not None and importlib.util.find_spec(VERIFIER) is None:
        raise MissingExtra(
            f"The answer {formula[:60]!r} is a formula, and math-verify is not installed.",
            "pip install math-verify brings it; comparing formulas sign by sign would be wrong.",
        )


def equal(right: str, stated: str) -> bool:
    """Return whether two answers are the same."""
    if plain_form(right) == plain_form(stated):
        return True
    if not is_formula(right) and not (is_formula(stated) and number(right) is not None):
        return False
    return importlib.util.find_spec(VERIFIER) is not None and _verified(right, stated)


def _verified(right: str, stated: str) -> bool:
    verifier = _verifier()
    parsed = [
        verifier.parse(f"${answer.strip('$')}$", parsing_timeout=None) for answer in (right, stated)
    ]
    return all(parsed) and bool(verifier.verify(*parsed, timeout_seconds=None))


@cache
def _verifier() -> Any:
    """Return the library; it logs what it cannot read, which is an answer like another."""
    found = importlib.import_module(VERIFIER)
    logging.getLogger(VERIFIER).setLevel(logging.CRITICAL)
    return found

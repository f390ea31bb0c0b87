r"""What is right: the answers of a run's questions, and whether a completion states one of them.

An answer of the data is what stands behind `####`, or in its last `\\boxed{}`, or all of it. Numbers are
compared by their values. A formula is compared by `math-verify`, which knows that two ways of writing
it are one; other texts by their plain forms (`stated_answers.py`). Another form (`answer_form.py`) may be asked for.
"""

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from adabench.harness.errors import MissingExtra, SelectionError
from adabench.workloads.test_time.text.substrate.answer_form import (
    AUTO,
    VERIFIER,
    AnswerForm,
    parsed,
    verifier,
)
from adabench.workloads.test_time.text.substrate.completions import CompletionReader
from adabench.workloads.test_time.text.substrate.stated_answers import (
    GOLD_MARK,
    boxed,
    number,
)

_FORMULA = frozenset("\\^_{}")
"""Signs that only a formula has."""
_SUM = re.compile(r"(?<![\d*/.])(?<![*/] )(-?\d+(?: ?[+-] ?\d+)+) ?= ?(-?\d+)")
_TERM = re.compile(r"[+-]?\d+")


@dataclass(frozen=True)
class Answers:
    """The grader: it knows what is right for each question of a run."""

    reader: CompletionReader
    golds: tuple[str, ...] = field(repr=False)

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        """Return whether a completion of that question states the right answer."""
        form, right = self.reader.form, self.golds[index]
        if form.kind == "file":
            return form.grades(self.reader.text(completion), right)
        stated = self.reader.stated(completion)
        return stated is not None and equal(right, stated, form)

    def kind(self, index: int, completion: Sequence[int]) -> str:
        """Return of which kind an answer is: `arithmetic` where a sum in it is wrong, else `slip` or `malformed`.

        One that is right is `luck` where a sum is wrong, and else of none.
        """
        if self.reader.stated(completion) is None:
            return "malformed"
        is_wrong = any(not _holds(*parts) for parts in _SUM.findall(self.reader.text(completion)))
        if self.is_right(index, completion):
            return "luck" if is_wrong else ""
        return "arithmetic" if is_wrong else "slip"


def _holds(terms: str, total: str) -> bool:
    """Say whether terms that are added and taken away come to a total."""
    return sum(int(term) for term in _TERM.findall(terms.replace(" ", ""))) == int(total)


def gold(answer: str, form: AnswerForm = AUTO) -> str:
    """Return the answer itself of an answer that comes with its solution; a file's grader gets all of it.

    Raises:
        SelectionError: if it is no answer of the form that was asked for.
    """
    if form.kind == "file":
        return answer
    behind = answer.rpartition(GOLD_MARK)[2].strip()
    found = form.value(boxed(behind) or behind)
    if found is None:
        raise SelectionError(
            f"The answer {answer[:60]!r} of the data is no {form.kind}.",
            "Correct the row, or choose another grader: --set grader=text.",
        )
    return found


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


def equal(right: str, stated: str, form: AnswerForm = AUTO) -> bool:
    """Return whether two answers are the same."""
    if form.plain(right) == form.plain(stated):
        return True
    if form.kind == "math-verify":
        return _verified(right, stated)
    if form.kind != "auto":
        return False
    if not is_formula(right) and not (is_formula(stated) and number(right) is not None):
        return False
    return importlib.util.find_spec(VERIFIER) is not None and _verified(right, stated)


def _verified(right: str, stated: str) -> bool:
    both = [parsed(answer) for answer in (right, stated)]
    return all(both) and bool(verifier().verify(*both, timeout_seconds=None))

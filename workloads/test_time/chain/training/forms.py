"""What trainings ask of a format of questions: how completions are read, and which answers are right."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from adabench.workloads.shared.language_model.domain import Words
from adabench.workloads.test_time.chain.substrate import order_problems, problems
from adabench.workloads.test_time.chain.truth import order_solutions, worked_solutions


class Asked(Protocol):
    """A problem of any format."""

    @property
    def prompt(self) -> tuple[int, ...]:
        """Return the ids of the prompt."""
        ...


@dataclass(frozen=True)
class Form:
    """How completions of a format are read, and what is right."""

    answer: Callable[[Words], int | None]
    """What a completion states; None: it is malformed."""
    room: Callable[[Words], int]
    """The most words that a completion of a prompt may need."""
    truth: Callable[[Any], int]
    """The right answer of a problem."""
    temperature: float = 1.0
    """What solutions are drawn at."""


SPLITS = Form(problems.answer, problems.room, worked_solutions.truth)
ORDERS = Form(
    order_problems.answer, order_problems.room, order_solutions.truth, order_problems.TEMPERATURE
)

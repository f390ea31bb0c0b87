"""What trainings ask of a format of questions: which there are, how completions are read, and what is right."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from adabench.workloads.shared.language_model.domain import Domain, Revisions, Words
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate import order_problems, problems
from adabench.workloads.test_time.chain.substrate.attempt_judge import ORDERS_RETRY, RETRY
from adabench.workloads.test_time.chain.substrate.domain import ORDERS as ORDERS_DOMAIN
from adabench.workloads.test_time.chain.substrate.domain import chain_of
from adabench.workloads.test_time.chain.substrate.problems import Split
from adabench.workloads.test_time.chain.truth import order_solutions, worked_solutions
from adabench.workloads.test_time.substrate.question_task import Grader

ALL_LENGTHS = tuple(range(1, problems.LONGEST + 1))
LARGE = tuple(range(order_problems.LONGEST + 1))
"""Of the format `orders`: how many factors of a question may be large."""


class Asked(Protocol):
    """A problem of any format."""

    @property
    def prompt(self) -> tuple[int, ...]:
        """Return the ids of the prompt."""
        ...


@dataclass(frozen=True)
class Form:
    """A format of questions, of completions, and what is right."""

    problems: Callable[[Split, int, int], list[Any]]
    """Problems of a split by a seed and their number, all difficulties alike."""
    answer: Callable[[Words], int | None]
    """What a completion states; None: it is malformed."""
    room: Callable[[Words], int]
    """The most words that a completion of a prompt may need."""
    truth: Callable[[Any], int]
    """The right answer of a problem."""
    domain: Domain
    """Of questions of all difficulties."""
    grader: Callable[[tuple[Any, ...]], Grader]
    """Who grades the answers to some problems."""
    revisions: Revisions
    """How earlier attempts are read."""

    @property
    def temperature(self) -> float:
        """Return what solutions are drawn at."""
        return self.domain.temperature


def form_of(recipe: Recipe) -> Form:
    """Return the form of a recipe's questions."""
    return ORDERS if recipe.format == "orders" else SPLITS


def _split_problems(split: Split, seed: int, count: int) -> list[problems.Problem]:
    return list(islice(problems.stream(split, seed, ALL_LENGTHS), count))


def _order_problems(split: Split, seed: int, count: int) -> list[order_problems.Product]:
    return order_problems.questions(split, seed, count, LARGE)


SPLITS = Form(
    _split_problems, problems.answer, problems.room, worked_solutions.truth,
    chain_of(ALL_LENGTHS), worked_solutions.Answers, RETRY,
)  # fmt: skip
ORDERS = Form(
    _order_problems, order_problems.answer, order_problems.room, order_solutions.truth,
    ORDERS_DOMAIN, order_solutions.OrderAnswers, ORDERS_RETRY,
)  # fmt: skip

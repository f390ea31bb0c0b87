"""What a task has that its models have not: what was drawn, with its truth, and a score."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Generic, TypeVar

import numpy as np

from adabench.harness.contract.card import Card
from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.keyed_draws import drawn
from adabench.workloads.depth_width.substrate.questions import Exam, Questions
from adabench.workloads.depth_width.substrate.readers import DECODED, Batch
from adabench.workloads.depth_width.substrate.stream import Corpus, Ints
from adabench.workloads.depth_width.truth.scoring import Floats, credit, wrong_answers

D = TypeVar("D")
K = TypeVar("K", bound=Any)
"""Has `questions`, which a method sees, and `keys` with their `answers`."""


@dataclass(frozen=True)
class Scored(ABC):
    """A task that judges what its engines wrote down of an answer."""

    @abstractmethod
    def account(self, case: Any, answer: Any) -> Any:
        """Return what the engine wrote down of an answer."""

    @abstractmethod
    def judge(self, case: Any, outcome: Any) -> Mapping[str, float]:
        """Return quality, counted work and where the work went."""

    def score(self, case: Any, answer: Any) -> Mapping[str, float]:
        """Judge an answer of this very object.

        Raises:
            MethodContractError: if no engine made it for this case, or it was changed.
        """
        return self.judge(case, self.account(case, answer))


@dataclass(frozen=True)
class ScoredStreams(Scored):
    """Held-out batches of streams, and a score that knows the labels."""

    corpora: tuple[Corpus, ...] = field(default=(), kw_only=True)

    def cases(self) -> Iterator[Batch]:
        """Yield the batches; in decode, the sequences of each that are decoded."""
        for index, corpus in enumerate(self.corpora):
            yield Batch(index, np.ascontiguousarray(corpus.inputs))

    def credit(self, batch: Batch, answer: Answer, *, wrong: int | None = None) -> Floats:
        """Return what each sequence adds to the batch's accuracy, [sequences].

        For oracles alone. With `wrong`, a seed, the targets are random values that are all
        wrong: what a search still gains then it gains by luck.
        """
        return credit(self.corpora[batch.index], answer, wrong)


@dataclass(frozen=True)
class ScoredExams(Scored, Generic[K]):
    """Batches of questions, and a score that knows the keys."""

    exams: tuple[K, ...] = field(default=(), kw_only=True)

    def cases(self) -> Iterator[Exam]:
        """Yield the exams without their keys."""
        for index, posed in enumerate(self.exams):
            yield Exam(index, Questions(posed.questions.tokens.copy(), posed.questions.lengths))

    def key(self, exam: Exam, *, wrong: int | None = None) -> Ints:
        """Return the answers of an exam, [n] or [n, 3]. For oracles alone.

        With `wrong`, a seed, every answer is replaced by another value: what a search still
        finds then it finds by luck.
        """
        return wrong_answers(self.exams[exam.index].keys.answers, wrong)


def check_condition(task: str, name: str, value: str, known: Collection[str]) -> None:
    """Make sure that a task has a condition's value.

    Raises:
        SelectionError: naming the values that it has.
    """
    if value not in known:
        raise SelectionError(f"{task} has no {name} {value!r}.", f"It has: {', '.join(known)}.")


def drawn_batches(
    draw: Callable[[np.random.Generator, int], D],
    key: int,
    seed: int,
    mode: str,
    batches: int,
    sequences: int,
    questions: int = 1,
) -> tuple[D, ...]:
    """Draw the batches of a run; in decode, what is decoded of each.

    `questions` are asked in the place of a sequence.
    """
    if mode in DECODED:
        sequences = min(sequences, DECODED[mode][1])
    n = questions * sequences
    return tuple(drawn(draw, seed, n, key, index) for index in range(batches))


WRONG = 1
"""The seed of the wrong answers."""


def luck_problems(task: Any, method: ModuleType, card: Card) -> Iterator[str]:
    """Say where an oracle's card and its luck on a loaded task disagree."""
    if card.role != "oracle" or not hasattr(method, "luck"):
        return
    found = method.luck(task, method.prepare(task, card.defaults, 0), wrong=WRONG)
    truth, chance = found["by_truth"], found["by_chance"]
    if card.wins_by_luck != (chance >= truth):
        figures = f"its search gains {truth:.3g} by the truth and {chance:.3g} by chance"
        yield f"{figures}, and its card says wins_by_luck={card.wins_by_luck}"

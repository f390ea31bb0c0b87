"""The task object: questions, sessions with models, and a score by a grader that it is handed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from adabench.harness.contract.protocols import Meter
from adabench.workloads.shared.language_model.contract import CapabilityMissing, mix
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.test_time.chain.substrate import gpu_mechanics
from adabench.workloads.test_time.chain.substrate.problems import answer, room
from adabench.workloads.test_time.chain.substrate.trained_models import Models


@dataclass(frozen=True)
class Question:
    """A case: which one it is, its prompt, and its length as a group."""

    index: int
    prompt: tuple[int, ...]
    group: str


class Grader(Protocol):
    """Who knows the answers: the task is handed one, and no method is."""

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        """Return whether a completion of that question states the right answer."""
        ...


@dataclass(frozen=True)
class Chain:
    """The task: questions, sessions with models, and a score that knows the answers.

    At scale `gpu` there are no answers, and no grader.
    """

    seed: int
    questions: tuple[Question, ...]
    models: Models
    budget: int | None
    meter: Meter
    grader: Grader | None = field(default=None, repr=False, compare=False)

    def cases(self) -> Iterator[Question]:
        """Yield the questions, lengths in turn."""
        yield from self.questions

    def session(self, question: Question) -> Session:
        """Return a session on a question; sample i of it is the same for everybody."""
        return Session(
            self.models.policy,
            self.models.judge,
            question.prompt,
            mix(self.seed, question.index),
            meter=self.meter,
            room=room(question.prompt) if self.grader else gpu_mechanics.ROOM,
            budget=self.budget,
        )

    def credit(self, question: Question, completion: tuple[int, ...]) -> bool:
        """Return whether a completion is right. For oracles alone.

        Raises:
            CapabilityMissing: at scale `gpu`, where prompts have no answer.
        """
        if self.grader is None:
            raise CapabilityMissing(
                "grades: prompts of random words have no answer.",
                "Run oracles and controls that need one at scale embedded.",
            )
        return self.grader.is_right(question.index, completion)

    def score(self, question: Question, completion: tuple[int, ...]) -> Mapping[str, float]:
        """Judge the completion that a method returned; at scale `gpu` nothing is to be judged."""
        if self.grader is None:
            return {}
        return {
            "accuracy": float(self.credit(question, completion)),
            "malformed": float(answer(completion) is None),
        }

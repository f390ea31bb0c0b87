"""Defines what a task of the test-time family is made of, but for what is right: questions, codec, marks, room, answers.

A method sees none of this: it has a session, which stops where the marks are and says what a completion states. What is right stands in
the task's `truth/`.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from adabench.harness.errors import SelectionError

Words = Sequence[int]
Stated = Hashable | None


class Codec(Protocol):
    """Between text and the ids of one vocabulary."""

    @property
    def vocabulary(self) -> str:
        """Return the digest of the vocabulary (`vocabulary.vocabulary_digest`)."""
        ...

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the ids of a text."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids."""
        ...


class Encoded(Protocol):
    """A model, which reads ids as the words of its own vocabulary."""

    @property
    def name(self) -> str:
        """Return what the model is called."""
        ...

    @property
    def vocabulary(self) -> str:
        """Return the digest of the vocabulary."""
        ...


@dataclass(frozen=True)
class Question:
    """A case: which one it is, its prompt, and the group that it is counted in."""

    index: int
    prompt: tuple[int, ...]
    group: str
    bare: tuple[int, ...] = ()
    """The same question in a prompt that asks for a bare answer, where its task has such a one."""


@dataclass(frozen=True)
class Revisions:
    """How earlier attempts at a question are put before a policy that writes another one.

        <bos>   attempt  mark   attempt  mark   question   the new attempt

    The question, a prompt without its first word, stands behind the attempts, where the policy that
    solves it once finds it too.
    """

    mark: int
    """The word behind each earlier attempt, in place of the one by which it ended."""
    context: int
    """Words that all of it may take."""
    spare: int
    """Words by which the new attempt may be longer than the longest that it reads."""

    def read(
        self, prompt: Words, attempts: Sequence[Words]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return as many of the last attempts as leave room for another one, and the question."""
        first = 0
        while first < len(attempts) and not self._fits(prompt, attempts[first:]):
            first += 1
        read = (word for attempt in attempts[first:] for word in (*attempt, self.mark))
        return (*prompt[:1], *read), tuple(prompt[1:])

    def question(self, read: Words) -> tuple[int, ...]:
        """Return the prompt that stands behind whatever attempts were read."""
        attempts = len(read) - [*read[::-1], self.mark].index(self.mark)
        return tuple(read) if attempts <= 0 else (read[0], *read[attempts:])

    def _fits(self, prompt: Words, attempts: Sequence[Words]) -> bool:
        lengths = [len(attempt) + 1 for attempt in attempts]
        return len(prompt) + sum(lengths) + max(lengths) + self.spare <= self.context


@dataclass(frozen=True)
class Domain:
    """How the completions of a task are written and read.

    It travels to the processes of methods, so its functions are those of a module, or objects that
    can be stored.
    """

    codec: Codec
    answer: Callable[[Words], Stated]
    """What a completion states: equal answers are equal votes. None: it is malformed."""
    room: Callable[[Words], int]
    """The most words that a completion of a prompt may need."""
    step_marks: frozenset[int]
    """Words that close a step."""
    step_room: int
    """Words after which a step is cut; it goes on as the next one."""
    deepest: int
    """Steps after which a search ends."""
    temperature: float = 1.0
    """What words are drawn at where a method does not say it."""
    end_marks: frozenset[int] = frozenset()
    """Words that close a completion, beside the one by which the model itself ends."""
    unforced: frozenset[int] = frozenset()
    """Words that a completion may not owe to anybody but the model: those that answers are made of."""
    shares: Callable[[Words, Words], Mapping[str, float]] | None = None
    """What is read off a prompt and the best completion of a session that worked in modes: how much of
    it was worked out in which of them."""
    revisions: Revisions | None = None
    """How earlier attempts are read; None where no policy revises."""


def check_vocabularies(codec: Codec, models: Mapping[str, Encoded]) -> None:
    """Make sure that whoever reads the question's ids reads them as its words.

    Raises:
        SelectionError: if a model has another vocabulary.
    """
    for role, model in models.items():
        if model.vocabulary != codec.vocabulary:
            raise SelectionError(
                f"The {role} {model.name} has another vocabulary than the question: the same ids "
                f"are other words to it (digests {model.vocabulary} and {codec.vocabulary}).",
                "Choose a model of the question's vocabulary, or a task that encodes its questions "
                "with the model's own tokenizer, as `text` does.",
            )

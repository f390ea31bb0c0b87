"""How a reward model is asked about steps, and where in what it reads their scores are.

...ForSequenceClassification   one score for all that was written so far
...ForTokenClassification      a score at the last word of each step
...ForCausalLM                 how probable `+` is beside `-` where a step was judged in training:
at a step's tag (Math-Shepherd), or as the assistant's answer to
a step (RLHFlow)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.sources.reward_source import Head

TAG = "\u043a\u0438"
"""Math-Shepherd's: a word that its text has nowhere else."""
POSITIVE = frozenset({"positive", "correct", "good", "right", "true", "yes", "label_1", "+"})
"""Labels, in lower case, that say that a step is right."""


class Shape(Protocol):
    """How a reward model is asked about steps."""

    def readings(self, question: str, steps: Sequence[str], first: int) -> list["Reading"]:
        """Return what to read for the steps from `first` on."""
        ...

    def score(self, row: torch.Tensor) -> float:
        """Return the score that the logits at one place stand for."""
        ...


@dataclass(frozen=True)
class Reading:
    """Words to read, and the places whose logits are scores; -1 is where a whole text is scored."""

    ids: tuple[int, ...]
    places: tuple[int, ...]


@dataclass(frozen=True)
class WholeText:
    """One score for a text: a classifier of sequences."""

    tokenizer: Any
    labels: Sequence[str]

    def readings(self, question: str, steps: Sequence[str], first: int) -> list[Reading]:
        """Return one reading for each step, up to its end."""
        texts = ("".join(steps[: end + 1]) for end in range(first, len(steps)))
        return [Reading(_asked(self.tokenizer, question, text), (-1,)) for text in texts]

    def score(self, row: torch.Tensor) -> float:
        """Return the chance of the positive label; of a single one, of being positive."""
        return _positive(row, self.labels)


@dataclass(frozen=True)
class StepEnds:
    """A score at the last word of each step: a classifier of words."""

    tokenizer: Any
    labels: Sequence[str]

    def readings(self, question: str, steps: Sequence[str], first: int) -> list[Reading]:
        """Return one reading of all steps, and where each new one ends."""
        ids, ends = _joined(self.tokenizer, question, steps)
        return [Reading(ids, ends[first:])]

    def score(self, row: torch.Tensor) -> float:
        """Return the chance of the positive label."""
        return _positive(row, self.labels)


@dataclass(frozen=True)
class PlusAtTags:
    """The chance of `+` beside `-` at a tag behind each step, as Math-Shepherd has it."""

    tokenizer: Any
    tag: int
    plus: int
    minus: int

    def readings(self, question: str, steps: Sequence[str], first: int) -> list[Reading]:
        """Return one reading of all steps with their tags, and where the new ones' are."""
        ids, ends = _joined(self.tokenizer, question, steps, self.tag)
        return [Reading(ids, ends[first:])]

    def score(self, row: torch.Tensor) -> float:
        """Return the chance of `+` beside `-`."""
        return _of_two(row, self.plus, self.minus)


@dataclass(frozen=True)
class PlusAsAnswer:
    """The chance that the assistant answers a step with `+` and not with `-`, as RLHFlow has it."""

    tokenizer: Any
    plus: int
    minus: int

    def readings(self, question: str, steps: Sequence[str], first: int) -> list[Reading]:
        """Return one reading for each step: the conversation up to its answer."""
        turns: list[dict[str, str]] = []
        found = []
        for i, step in enumerate(steps):
            says = f"{question} {step.strip()}" if i == 0 else step.strip()
            turns.append({"role": "user", "content": says})
            if i >= first:
                ids = _chat_ids(self.tokenizer, turns, opens=True)
                found.append(Reading(ids, (len(ids) - 1,)))
            turns.append({"role": "assistant", "content": "+"})
        return found

    def score(self, row: torch.Tensor) -> float:
        """Return the chance of `+` beside `-`."""
        return _of_two(row, self.plus, self.minus)


def shape(head: Head, model: Any, tokenizer: Any, name: str) -> Shape:
    """Return how a reward model is asked.

    Raises:
        SelectionError: for a language model that has neither a tag of steps nor a conversation.
    """
    if head != "CausalLM":
        labels = [str(label) for _, label in sorted((model.config.id2label or {}).items())]
        return (WholeText if head == "SequenceClassification" else StepEnds)(tokenizer, labels)
    plus, minus = _word(tokenizer, "+"), _word(tokenizer, "-")
    tags = tokenizer(TAG, add_special_tokens=False)["input_ids"]
    if len(tags) == 1 and tags[0] != tokenizer.unk_token_id:
        return PlusAtTags(tokenizer, tags[0], plus, minus)
    if getattr(tokenizer, "chat_template", None):
        return PlusAsAnswer(tokenizer, plus, minus)
    raise SelectionError(
        f"{name} is a language model without a tag of steps and without a chat template: nobody "
        "knows where it would judge.",
        "Name a reward model, or --judge likelihood.",
    )


def _word(tokenizer: Any, sign: str) -> int:
    """Return the word that a sign is, behind another."""
    words: list[int] = tokenizer(sign, add_special_tokens=False)["input_ids"]
    return words[-1]


def _asked(tokenizer: Any, question: str, text: str) -> tuple[int, ...]:
    """Return the ids of an answer to a question, as a conversation where there is a template."""
    if getattr(tokenizer, "chat_template", None):
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": text}]
        return _chat_ids(tokenizer, turns, opens=False)
    return tuple(tokenizer(f"{question}\n{text}")["input_ids"])


def _chat_ids(tokenizer: Any, turns: Sequence[dict[str, str]], *, opens: bool) -> tuple[int, ...]:
    text = tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=opens)
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def _joined(
    tokenizer: Any, question: str, steps: Sequence[str], tag: int | None = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ids of question and steps, and the place of each step's last word (or tag)."""
    ids = list(tokenizer(f"{question}\n")["input_ids"])
    ends = []
    for step in steps:
        ids += tokenizer(step, add_special_tokens=False)["input_ids"]
        ids += () if tag is None else (tag,)
        ends.append(len(ids) - 1)
    return tuple(ids), tuple(ends)


def _positive(row: torch.Tensor, labels: Sequence[str]) -> float:
    if len(row) == 1:
        return float(torch.sigmoid(row[0]))
    place = next((i for i, name in enumerate(labels) if name.lower() in POSITIVE), len(row) - 1)
    return float(torch.softmax(row, 0)[place])


def _of_two(row: torch.Tensor, plus: int, minus: int) -> float:
    return float(torch.sigmoid(row[plus] - row[minus]))

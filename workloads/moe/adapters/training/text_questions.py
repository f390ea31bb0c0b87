"""Questions on real texts, answered by " yes" or " no", and what the lower layers of SmolLM2 make of them.

    sentiment   VADER's sentences of movie reviews    does the reviewer like it?
    spam        SpamAssassin's mails                  is it spam?
    genre       the Brown corpus                      is it fiction?

Of each collection and split as many texts are taken whose answer is yes as of the others, always the same ones. The
packages lie in the cache folder; one that is missing is named with what brings it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from adabench.harness.errors import EnvironmentProblem, require
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.shared.sources.labelled_texts import LabelledTexts, labelled_texts
from adabench.workloads.shared.training.checkpoints import Progress

QUESTIONS = {
    "sentiment": ("\nDoes the reviewer like it? Answer:", 1),
    "spam": ("\nIs this mail spam? Answer:", 1),
    "genre": ("\nIs this fiction? Answer:", 9),
}
"""By the name of a collection: what is asked, and the first of its classes whose answer is yes."""
ANSWERS = (" no", " yes")
COUNTS = {"train": 120, "calibration": 24, "test": 80}
"""Texts of each collection, by split."""
MOST, LOWER = 120, 20
"""Characters of a text, since a mail may have words of a thousand; layers that run once."""


@dataclass(frozen=True)
class Question:
    """A text, what is asked of it, and the answer."""

    text: str
    task: int
    yes: bool
    split: str


@dataclass(frozen=True)
class Cases:
    """States of texts with their questions, and the answers."""

    states: list[Tensor]
    """[tokens, d] each"""
    yes: Tensor
    tasks: Tensor
    rows: Mapping[str, list[int]]
    """By split."""

    def batch(self, rows: list[int]) -> "Batch":
        """Return padded states of some rows."""
        states = [self.states[row].float() for row in rows]
        lengths = torch.tensor([len(one) for one in states])
        return Batch(
            pad_sequence(states, batch_first=True), lengths, self.tasks[rows], self.yes[rows]
        )


@dataclass(frozen=True)
class Batch:
    """States [n, t, d], how many of each text's t are its own, its task and its answer."""

    states: Tensor
    lengths: Tensor
    tasks: Tensor
    yes: Tensor

    @property
    def there(self) -> Tensor:
        """Return which states are a text's own, [n, t]."""
        return torch.arange(self.states.shape[1])[None] < self.lengths[:, None]


def questions(counts: Mapping[str, int]) -> list[Question]:
    """Return so many questions of each collection and split, half of them with the answer yes.

    Raises:
        EnvironmentProblem: if a package is not there, damaged or too small.
    """
    found = []
    for task, (name, (_, first)) in enumerate(QUESTIONS.items()):
        known = labelled_texts(name)
        for split, count in counts.items():
            for yes in (False, True):
                texts = _texts(known, split, first, yes)
                if len(texts) < count // 2:
                    answer = ANSWERS[yes].strip()
                    raise EnvironmentProblem(
                        f"{name} has {len(texts)} texts for {split} whose answer is {answer}, of "
                        f"{count // 2} that are needed.",
                        "Delete its package and bring the whole one again.",
                    )
                found += [Question(text, task, yes, split) for text in texts[: count // 2]]
    return found


def _texts(known: LabelledTexts, split: str, first: int, yes: bool) -> list[str]:
    """Return the texts of a split with one answer, by the digests of their words."""
    rows = [row for row in known.rows(split) if bool(known.labels[row] >= first) == yes]
    texts = {" ".join(known.texts[row].split())[:MOST] for row in rows}
    return sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())


def digest(known: list[Question]) -> Tensor:
    """Return what tells questions from others, as numbers that half precision holds."""
    said = "\0".join(QUESTIONS[list(QUESTIONS)[one.task]][0] + one.text for one in known)
    return torch.tensor(list(hashlib.sha256(said.encode()).digest()[:8]))


def cases(stored: Mapping[str, Tensor], known: list[Question]) -> Cases:
    """Join states with the answers to their questions.

    Raises:
        EnvironmentProblem: if the states are those of other questions.
    """
    if not torch.equal(stored["digest"].long(), digest(known)):
        raise EnvironmentProblem(
            "The states of texts are there, and of other texts or questions than are asked now.",
            "Make them anew: adabench train text-states-s0.",
        )
    rows: dict[str, list[int]] = {}
    for place, one in enumerate(known):
        rows.setdefault(one.split, []).append(place)
    return Cases(
        [stored[f"{place:04}"] for place in range(len(known))],
        torch.tensor([int(one.yes) for one in known]),
        torch.tensor([one.task for one in known]),
        rows,
    )


@torch.no_grad()
def encode(progress: Progress) -> dict[str, Tensor]:
    """Run the lower layers over all questions; return the states of each by its number.

    Raises:
        MissingExtra: without transformers.
    """
    require("transformers", extra="models")
    known, asked = questions(COUNTS), [question for question, _ in QUESTIONS.values()]
    model, tokenizer = smollm2.load()
    lower = model.model
    lower.layers, lower.norm = lower.layers[:LOWER], nn.Identity()
    found = {}
    for place, one in enumerate(known):
        tokens = tokenizer(one.text + asked[one.task], return_tensors="pt").input_ids
        found[f"{place:04}"] = lower(tokens, use_cache=False).last_hidden_state[0].half()
        progress(place + 1, len(known))
    ids = [tokenizer(word, add_special_tokens=False).input_ids for word in ANSWERS]
    assert all(len(own) == 1 for own in ids)
    found["digest"] = digest(known)
    found["words"] = model.lm_head.weight[[own[0] for own in ids]].half()
    return found

"""Questions on real texts, answered by " no" or " yes": three that are trained on, and one that is new.

    sentiment   VADER's sentences of movie reviews    does the reviewer like it?
    spam        SpamAssassin's mails                  is it spam?
    fiction     the Brown corpus                      is it fiction?
    science     the Brown corpus                      is it a scientific text?     new

Of each question and split as many texts are taken whose answer is yes as of the others, always the same ones. Tests are
of other sources than what is trained on; those of development, by which rates are chosen, are of the same sources. The
packages lie in the cache folder; one that is missing is named with what brings it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.moe.adapters.substrate import pretrained
from adabench.workloads.moe.adapters.substrate.few_shot import Examples
from adabench.workloads.moe.adapters.substrate.instructed_tasks import Ints
from adabench.workloads.moe.adapters.substrate.workbench import AdaptationCase, Tests
from adabench.workloads.moe.adapters.truth.adaptation_scores import KnownCase
from adabench.workloads.shared.sources.labelled_texts import LabelledTexts, labelled_texts

QUESTIONS = {
    "sentiment": ("sentiment", "Does the reviewer like it?", range(1, 2)),
    "spam": ("spam", "Is this mail spam?", range(1, 2)),
    "fiction": ("genre", "Is this fiction?", range(9, 15)),
    "science": ("genre", "Is this a scientific text?", range(8, 9)),
}
"""By name: whose texts, what is asked, and the classes whose answer is yes. The last is new."""
NEW = len(QUESTIONS) - 1
ANSWERS = (" no", " yes")
COUNTS = {"train": 392, "development": 168, "test": 334}
"""Texts of each question, by split: of three 1,176, 504 and 1,002."""
MOST = 120
"""Characters of a text, since a mail may have words of a thousand."""
SOURCE = 96
"""Of the tests of old questions, those that are also read after an adaptation to the new one."""


@dataclass(frozen=True)
class Question:
    """A text, what is asked of it, and the answer."""

    text: str
    task: int
    yes: bool
    split: str

    @property
    def prompt(self) -> str:
        """Return the text with its question."""
        _, asked, _ = list(QUESTIONS.values())[self.task]
        return f"{self.text}\n{asked} Answer:"


@dataclass(frozen=True)
class Known:
    """Questions by number, as numbers."""

    tasks: Ints
    yes: Ints
    splits: tuple[str, ...]

    def rows(self, split: str, *, new: bool = False) -> Ints:
        """Return the numbers of a split's questions, of those that are trained on or of the new one."""
        own = (self.tasks == NEW) if new else (self.tasks != NEW)
        return np.flatnonzero(own & (np.array(self.splits) == split))


def questions(counts: Mapping[str, int] | None = None) -> list[Question]:
    """Return so many questions of each kind and split, half of them with the answer yes, split by split.

    Raises:
        EnvironmentProblem: if a package is not there, damaged or too small.
    """
    counts = counts or COUNTS
    found = []
    sources = {name: labelled_texts(name) for name, _, _ in QUESTIONS.values()}
    for split, count in counts.items():
        for task, (name, _, classes) in enumerate(QUESTIONS.values()):
            for yes in (False, True):
                texts = _texts(sources[name], split, classes, yes)
                first = counts["train"] // 2 if split == "development" else 0
                taken = texts[first : first + count // 2]
                if len(taken) < count // 2:
                    raise EnvironmentProblem(
                        f"{name} has {len(taken)} texts for {split} whose answer is "
                        f"{ANSWERS[yes].strip()}, of {count // 2} that are needed.",
                        "Delete its package and bring the whole one again.",
                    )
                found += [Question(text, task, yes, split) for text in taken]
    return found


def _texts(known: LabelledTexts, split: str, classes: range, yes: bool) -> list[str]:
    """Return the texts of a split with one answer, by the digests of their words."""
    place = "train" if split == "development" else split
    rows = [row for row in known.rows(place) if (int(known.labels[row]) in classes) == yes]
    texts = {" ".join(known.texts[row].split())[:MOST] for row in rows}
    return sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())


def digest(asked: list[Question]) -> list[int]:
    """Return what tells questions from others, as numbers that half precision holds."""
    said = "\0".join(one.prompt for one in asked)
    return list(hashlib.sha256(said.encode()).digest()[:8])


def known(stored: Mapping[str, Tensor], asked: list[Question]) -> Known:
    """Return the answers to stored states.

    Raises:
        EnvironmentProblem: if the states are those of other questions.
    """
    if stored["digest"].int().tolist() != digest(asked):
        raise EnvironmentProblem(
            "The states of texts are there, and of other texts or questions than are asked now.",
            "Make them anew: adabench train adapters/text-states-s0.",
        )
    return Known(
        np.array([one.task for one in asked]),
        np.array([int(one.yes) for one in asked]),
        tuple(one.split for one in asked),
    )


@cache
def answers() -> Known:
    """Return the answers to the questions whose states are in the user's cache.

    Raises:
        EnvironmentProblem: if there are none, or a package of texts is missing.
    """
    return known(pretrained.restored(pretrained.STATES), questions())


def known_cases(seed: int, shots: int, found: Known) -> tuple[KnownCase, ...]:
    """Return the case of a run seed: the new question, on examples of its own."""
    pool = found.rows("train", new=True)
    by_answer = [pool[found.yes[pool] == yes] for yes in (0, 1)]
    draw = np.random.Generator(np.random.PCG64((seed, NEW)))
    shown = np.concatenate([draw.choice(own, shots // 2, replace=False) for own in by_answer])
    tests, seen = found.rows("test", new=True), found.rows("test")
    source = seen[np.linspace(0, len(seen) - 1, min(SOURCE, len(seen))).astype(int)]
    asked, old, again = (found.yes[rows][:, None] for rows in (tests, seen, source))
    return (
        KnownCase(
            AdaptationCase(0, 0, Examples(shown[:, None], found.yes[shown][:, None])),
            Tests(tests[:, None], seen[:, None], found.tasks[seen], source[:, None]),
            asked,
            old,
            again,
        ),
    )

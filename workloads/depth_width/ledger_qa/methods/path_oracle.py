"""Path oracle: Dr.LLM's search on the test question itself, with its answer in hand.

What routers could reach at most, as far as `simulations` evaluated paths a question can tell; kind
`bound`. It does not come free: what the search runs is left out of the count.

**Is it luck?** A search tries dozens of paths and keeps one that happens to be right. So
`look=second` sets the same questions with *other fillers* (the answers stay) and answers them
along the paths found for the first ones; and `luck` searches for random wrong answers.
A repair that does not survive the second look was luck, and so is the accuracy it brings.

**What to expect.** Written before measuring: more than 10 points over the frozen model at the
first look (k = 5 and 6), less than half of the repairs right again, so a second look below
the frozen model: short paths that were right by luck lose at k = 3 and 4 too. A random wrong
answer of three is hit for one question in ten.

**On `pretrained`** there is none. Nothing is right or wrong there, and an oracle that knows the words
would take their luck: a path that says this text's words better by chance. How much the labels
know that no router can see stands in the card of `real-dr-llm` (`harm_labels`).

**Ways to fake it.** Quoting the first look alone; a single answer of seven.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.substrate.paths.path_forward import Reply, right
from adabench.workloads.depth_width.substrate.paths.path_routers import PathReader, PathTask
from adabench.workloads.depth_width.substrate.paths.path_search import Found, search
from adabench.workloads.depth_width.substrate.questions import Exam, Questions, with_answers
from adabench.workloads.depth_width.substrate.stream import Ints

CARD = Card(
    title="Oracle: the searched path",
    moved_from="ledger/path_oracle",
    paper="Dr.LLM, arXiv 2510.12773, October 2025: its supervision, on the test question",
    adapts="which layers a question skips or repeats, with its answer in hand",
    role="oracle",
    oracle="bound",
    knobs=(
        Knob("simulations", (50,), 50, at="prepare", open=True, low=1, high=729),
        Knob("look", ("first", "second"), "first"),
    ),
)


class OracleTask(PathTask, Protocol):
    """The task, with what a method must not see."""

    def cases(self) -> Iterator[Exam]:
        """Yield the exams."""
        ...

    def key(self, exam: Exam, *, wrong: int | None = None) -> Ints:
        """Return the answers of an exam, [n, 3]; with `wrong`, a seed, others in their place."""
        ...

    def redrawn(self, exam: Exam) -> Exam:
        """Return the same questions with other fillers."""
        ...


@dataclass(frozen=True)
class Hindsight:
    """A reader; for every exam the paths that were found, and the exam with other fillers."""

    reader: PathReader
    found: tuple[Found, ...]
    again: tuple[Exam, ...]


def prepare(task: OracleTask, point: Point, seed: int) -> Hindsight:
    """Search every question of every exam."""
    reader, simulations = task.path_reader(), int(point["simulations"])
    exams = list(task.cases())
    found = [sought(reader, exam, task.key(exam), simulations, seed) for exam in exams]
    return Hindsight(reader, tuple(found), tuple(task.redrawn(exam) for exam in exams))


def pack(hindsight: Hindsight) -> list[tuple[Tensor, Tensor, Tensor, int]]:
    """Return what is worth storing: what the search found."""
    return [(one.passes, one.solved, one.before, one.forwards) for one in hindsight.found]


def unpack(
    task: OracleTask, point: Point, data: list[tuple[Tensor, Tensor, Tensor, int]]
) -> Hindsight:
    """Go on with what was found before."""
    found = tuple(Found(*parts) for parts in data)
    return Hindsight(task.path_reader(), found, tuple(map(task.redrawn, task.cases())))


def sought(reader: PathReader, exam: Exam, answers: Ints, simulations: int, seed: int) -> Found:
    """Search paths that lead to given answers."""
    look = _tensors(exam.questions, answers)
    return search(reader.model, [look], simulations=simulations, seed=seed)


def _tensors(questions: Questions, answers: Ints) -> tuple[Tensor, Tensor]:
    tokens = torch.from_numpy(with_answers(questions, answers))
    return tokens, torch.from_numpy(questions.lengths)


def solve(hindsight: Hindsight, exam: Exam, point: Point) -> Reply:
    """Answer each question along its path; at the second look, with other fillers."""
    passes = hindsight.found[exam.index].passes
    seen = hindsight.again[exam.index] if point["look"] == "second" else exam
    return hindsight.reader.answer(seen, passes)


def luck(
    task: OracleTask, hindsight: Hindsight, *, wrong: int, simulations: int = 50
) -> dict[str, float]:
    """Return shares of the questions that the frozen model gets wrong.

    `repaired`: some path is right. `survived`, of those: right again with other fillers.
    `by_truth`: both. `by_chance`: some path gives three random wrong answers.
    """
    repaired, survived, hit, failed = 0, 0, 0, 0
    for exam, found, again in zip(task.cases(), hindsight.found, hindsight.again, strict=True):
        rows = (~found.before).nonzero()[:, 0]
        fixed_up = found.solved & ~found.before
        tokens, lengths = _tensors(again.questions, task.key(exam))
        with torch.inference_mode():
            holds = right(hindsight.reader.model, tokens, lengths, found.passes)
        part = Exam(
            exam.index, Questions(exam.questions.tokens[rows], exam.questions.lengths[rows])
        )
        target = np.asarray(task.key(exam, wrong=wrong)[rows.numpy()])
        chance = sought(hindsight.reader, part, target, simulations, wrong)
        failed, repaired = failed + len(rows), repaired + int(fixed_up.sum())
        survived, hit = survived + int((holds & fixed_up).sum()), hit + int(chance.solved.sum())
    return {
        "wrong": float(failed),
        "repaired": repaired / failed,
        "survived": survived / max(1, repaired),
        "by_truth": survived / failed,
        "by_chance": hit / failed,
    }

"""Step oracle: the cheapest of a few ways through the latent steps, with the answer in hand.

Every question takes the first way of a menu, cheapest first, that leads to its answer:

    last      only the last critical step runs all layers, every other step leaves after one
    thirds    every third critical step runs, counted from the end; the others leave after one
    pairs     every second one
    half      one full step for two operations (`latent_cot` at `per_step` = 2)
    once      critical steps run, trivial ones leave after two, or after three if handed over to
    critical  critical steps run, trivial ones leave after two, but no two in a row
    second    the same, but trivial steps leave after two layers and hand nothing over
    third     after three
    full      all steps run
    spoken    the terse trace (`cot`), for a question for which no way holds

Steps leave through the adapters of `prepared_shortcuts` and hand over, in `once` as it does; in `second`
and `third`, through the adapters of `depth_shortcut`. Criticality is the generator's own label, the
answer the key: an oracle twice over. Kind `bound`: a longer menu can only do better.

**Is it luck?** One answer of seven is soon hit. So a way has to be right for two *siblings* too,
the same operations on other opening values; and `luck` runs the search with random wrong answers in
place of all three keys. What it still finds is luck.

**What to expect.** Written before measuring: all that full steps answer, at half of their latent
layers (a look at 256 questions came before the spoken way was added: 0.68); a random wrong target
is hit for one question in fifty at most (then eight ways, 1 / 343 each).

**Ways to fake it.** Searching without siblings; leaving the random target out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import (
    HandOver,
    Shortcut,
    Solution,
)
from adabench.workloads.depth_width.ledger_cot.substrate.solver import (
    ShortenedSolver,
    Solver,
    StepTask,
)
from adabench.workloads.depth_width.ledger_cot.substrate.traces import MOST, Reckoned
from adabench.workloads.depth_width.substrate.questions import Exam, Questions
from adabench.workloads.depth_width.substrate.stream import Bools, Ints
from adabench.workloads.depth_width.substrate.work_counter import Work
from adabench.workloads.depth_width.truth.scoring import wrong_answers

CARD = Card(
    title="Oracle: the cheapest latent steps",
    moved_from="ledger/step_oracle",
    paper="System-1.5 Reasoning, arXiv 2505.18962, with labels and answers in hand",
    adapts="which latent steps run all layers, with the answer in hand",
    role="oracle",
    oracle="bound",
)
SIBLINGS = 2
_NEVER = 99
_TOGETHER = 64
"""Questions that are searched together, whatever the mode: answers do not depend on it."""


class OracleTask(StepTask, Protocol):
    """The task, with what a method must not see."""

    def cases(self) -> Iterator[Exam]:
        """Yield the exams."""
        ...

    def key(self, exam: Exam, *, wrong: int | None = None) -> Ints:
        """Return the answers of an exam, [n]; with `wrong`, a seed, others in their place."""
        ...

    def siblings(self, exam: Exam, number: int) -> Reckoned:
        """Return the same operations on another opening value, keys included."""
        ...

    def critical(self, exam: Exam) -> Bools:
        """Return which steps change the value, [n, 8]."""
        ...


@dataclass(frozen=True)
class Way:
    """One way through the latent steps."""

    kind: str = "both"
    """Whose adapters; `depth` hands nothing over, `` has no shortcuts, `words` speaks."""
    every: int = 1
    """Of the critical steps, counted from the end, every so many runs all layers."""
    early: int = 1
    """Layers after which the others leave."""
    apart: bool = False
    """Does a step that was handed over run to its end, whatever it is?"""
    later: int = 0
    """Layers after which one that was handed over leaves and hands nothing on; 0: it hands on."""
    per_step: int = 1


WAYS: dict[str, Way] = {
    "last": Way(every=MOST),
    "thirds": Way(every=3),
    "pairs": Way(every=2),
    "half": Way("", per_step=2),
    "once": Way(early=2, later=3),
    "critical": Way(early=2, apart=True),
    "second": Way("depth", early=2),
    "third": Way("depth", early=3),
    "full": Way(""),
    "spoken": Way("words"),
}
"""Cheapest first; the last is for those that no other holds for, and is not searched."""


@dataclass(frozen=True)
class Means:
    """What the ways are walked with."""

    cuts: Mapping[str, ShortenedSolver]
    words: Solver

    def at(self, together: int) -> "Means":
        """Return the same for so many questions together."""
        cuts = {
            kind: replace(cut, solver=replace(cut.solver, together=together))
            for kind, cut in self.cuts.items()
        }
        return Means(cuts, replace(self.words, together=together))


@dataclass(frozen=True)
class Hindsight:
    """The student with its shortcuts; for every exam the way of each question and its plan."""

    means: Means
    ways: tuple[Ints, ...]
    critical: tuple[Bools, ...]


def prepare(task: OracleTask, point: Point, seed: int) -> Hindsight:
    """Search every question of every exam."""
    means, exams = prepared(task), list(task.cases())
    critical = tuple(task.critical(exam) for exam in exams)
    ways = tuple(
        np.where(found < 0, len(WAYS) - 1, found)
        for found in (_sought(task, means, exam) for exam in exams)
    )
    return Hindsight(means, ways, critical)


def prepared(task: OracleTask) -> Means:
    """Restore the student with both kinds of adapters, and the model that speaks."""
    cuts = {kind: task.shortened(kind) for kind in ("both", "depth")}
    return Means(cuts, task.solver("cot-words"))


def _sought(task: OracleTask, means: Means, exam: Exam, wrong: int | None = None) -> Ints:
    """Return the first way that is right for a question and its siblings; -1 if there is none."""
    looks = [(exam.questions, task.key(exam, wrong=wrong))]
    for number in range(SIBLINGS):
        posed = task.siblings(exam, number)
        seed = None if wrong is None else wrong + number + 1
        looks.append((posed.questions, wrong_answers(posed.keys.answers, seed)))
    return sought(means, looks, task.critical(exam))


def sought(means: Means, looks: list[tuple[Questions, Ints]], critical: Bools) -> Ints:
    """Return the first way that leads to the given answers in every look, [n]; -1: none."""
    found = np.full(len(critical), -1)
    many = means.at(_TOGETHER)
    for index, way in enumerate(list(WAYS.values())[:-1]):
        open_ = np.flatnonzero(found < 0)
        for questions, answers in looks:
            if len(open_):
                part = Exam(-1, Questions(questions.tokens[open_], questions.lengths[open_]))
                said = walked(many, part, way, critical[open_]).said.numpy()
                open_ = open_[said == answers[open_]]
        found[open_] = index
    return found


def plan(critical: Bools, way: Way) -> Ints:
    """Return after how many layers each step leaves, [n, 8]."""
    place = np.cumsum(critical[:, ::-1], axis=1)[:, ::-1]  # 1 at the last critical step
    runs = critical & ((place - 1) % way.every == 0)
    for step in range(1, critical.shape[1] if way.apart else 0):
        runs[:, step] |= ~runs[:, step - 1]
    exits = np.where(runs, _NEVER, way.early)
    handed = np.zeros(len(runs), np.bool_)
    for step in range(runs.shape[1] if way.later else 0):
        exits[handed & ~runs[:, step], step] = way.later
        handed = ~runs[:, step] & ~handed
    return exits


def walked(means: Means, exam: Exam, way: Way, critical: Bools) -> Solution:
    """Answer questions along one way."""
    if way.kind == "words":
        return means.words.speak(exam, terse=True)
    if not way.kind:
        return means.cuts["both"].solver.think(exam, per_step=way.per_step)
    cut = means.cuts[way.kind]
    exits = torch.from_numpy(plan(critical, way))
    hand_over: HandOver = "once" if way.later else "always"
    return cut.solver.think(
        exam, planned(cut, exits, "never" if way.kind == "depth" else hand_over)
    )


def planned(cut: ShortenedSolver, exits: Tensor, hand_over: HandOver) -> Shortcut:
    """Return shortcuts at given depths [n, 8], question by question."""
    shortcuts = cut.shortened.shortcuts

    def of(some: Tensor) -> Shortcut:
        own = exits[some]

        def leave(
            depth: int, step: int, rows: Tensor, who: Tensor, work: Work
        ) -> tuple[Tensor, Tensor] | None:
            if depth == 0:
                return None
            leaves = own[who, step] <= depth
            gone = work.take(rows, leaves.nonzero()[:, 0])
            return leaves, shortcuts.adapted(depth, gone, work)

        return Shortcut(leave, hand_over)

    return replace(of(torch.arange(len(exits))), given=of)


def solve(hindsight: Hindsight, exam: Exam, point: Point) -> Solution:
    """Answer each question along its way."""
    ways, critical = hindsight.ways[exam.index], hindsight.critical[exam.index]
    menu = list(WAYS.values())
    parts: list[tuple[Tensor, Solution]] = []
    for way in np.unique(ways):
        rows = np.flatnonzero(ways == way)
        part = Exam(-1, Questions(exam.questions.tokens[rows], exam.questions.lengths[rows]))
        parts.append(
            (torch.from_numpy(rows), walked(hindsight.means, part, menu[way], critical[rows]))
        )
    means = hindsight.means
    parts_of = [means.words.model, *(cut.shortened.shortcuts for cut in means.cuts.values())]
    more = sum(weight.numel() for part in parts_of for weight in part.parameters())
    return means.words.joined(parts, more=more)


def luck(task: OracleTask, hindsight: Hindsight, *, wrong: int) -> dict[str, float]:
    """Return for what share of questions a way leads to the answers, and to random wrong ones."""
    exams = list(task.cases())
    shares = [
        np.concatenate([_sought(task, hindsight.means, exam, wrong=seed) for exam in exams]) >= 0
        for seed in (None, wrong)
    ]
    return {"by_truth": float(shares[0].mean()), "by_chance": float(shares[1].mean())}

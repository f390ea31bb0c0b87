"""The ledger task at `layout=cot`: reckoning step by step, in words or in latent steps.

A case is a batch of one question (`traces.py`) for every sequence that the stream would hold.
`accuracy` is exact match of the answer. What it took is counted by the engine (`latent_forward.py`),
in every phase:

`executions`         layers run in question, latent steps and language together, per token of
                     question and answer: those tokens are the same for every method, whatever it
                     says meanwhile
`executions_latent`  layers run in latent steps (or pauses), per question
`tokens_language`    tokens that were generated, the answer among them, per question
`steps_latent`       latent steps (or pauses), per question; they are compute, and counted as such
`depth_critical`     layers that ran in a latent step that changes the value; `depth_trivial` in
                     one that does not; `critical_over_trivial` their ratio. Labels live here and in
                     training.

FLOPs, stored keys and moved elements are per token of question and answer too.

`mode=prefill` answers 64 questions together, `decode1` one at a time and `decode16` sixteen, of the
few that a batch then has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
import torch
from torch import Tensor

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.ledger.recipes import SEEDS
from adabench.workloads.depth_width.ledger_cot.substrate import latent_forward, traces
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Shortcut, Solution
from adabench.workloads.depth_width.ledger_cot.substrate.shortcuts import Shortened
from adabench.workloads.depth_width.ledger_cot.substrate.traces import HALF, Keys, Reckoned
from adabench.workloads.depth_width.ledger_qa.task import Exam
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.questions import Questions
from adabench.workloads.depth_width.substrate.stream import Bools, Ints

PER_SEQUENCE = 1
TOGETHER = {"prefill": 64, "decode1": 1, "decode16": 16}
CALIBRATION_SEED, CALIBRATION = 777, 200
_EVALUATION = 1_000_039
_SIBLINGS = 1_000_081
LANGUAGE_LIMIT = traces.VERBOSE_STEP * traces.MOST + 2


@dataclass(frozen=True)
class Solver:
    """A backbone and how many questions it answers together: what a method gets to hold."""

    model: Backbone
    together: int

    def speak(self, exam: Exam, *, terse: bool = False) -> Solution:
        """Answer in words, step by step."""
        asked = marked(exam.questions, HALF) if terse else exam.questions
        words = latent_forward.in_words(self.model, LANGUAGE_LIMIT)
        return self._solved(asked, lambda who: words, LANGUAGE_LIMIT + 1)

    def pause(self, exam: Exam, *, per_operation: int) -> Solution:
        """Answer at once, or after pause tokens for each operation."""
        steps = per_operation * operations(exam.questions)
        return self._solved(
            exam.questions,
            lambda who: latent_forward.in_pauses(self.model, steps[who], traces.PAUSE),
            per_operation * traces.MOST + 1,
        )

    def think(self, exam: Exam, shortcut: Shortcut | None = None, *, per_step: int = 1) -> Solution:
        """Answer after a latent step for each operation, or for two of them."""
        asked = exam.questions if per_step == 1 else marked(exam.questions, HALF)
        steps = -(-operations(asked) // per_step)
        return self._solved(
            asked,
            lambda who: latent_forward.in_thought(
                self.model, steps[who], shortcut and shortcut.of(who)
            ),
            traces.MOST + 1,
        )

    def _solved(self, questions: Questions, go_on: latent_forward.GoOn, room: int) -> Solution:
        return latent_forward.solve(self.model, questions, go_on, room=room, tile=self.together)


def operations(questions: Questions) -> Tensor:
    """Return the number of operations, as the length of the question shows it, [n]."""
    return torch.from_numpy((questions.lengths - 3) // 2)


def marked(questions: Questions, mark: int) -> Questions:
    """Return the questions with another token at their ends."""
    tokens = questions.tokens.copy()
    tokens[np.arange(len(tokens)), questions.lengths - 1] = mark
    return Questions(tokens, questions.lengths)


@dataclass(frozen=True)
class Reckoning:
    """The task: exams, backbones, shortcuts, and a score that knows the keys."""

    seed: int
    mode: str
    exams: tuple[Reckoned, ...]
    meter: Meter

    def cases(self) -> Iterator[Exam]:
        """Yield the exams without their keys."""
        for index, posed in enumerate(self.exams):
            yield Exam(index, Questions(posed.questions.tokens.copy(), posed.questions.lengths))

    @property
    def training_seed(self) -> int:
        """Which of the trained models this run uses."""
        return SEEDS[self.seed % len(SEEDS)]

    def solver(self, base: str) -> Solver:
        """Return a backbone of this layout."""
        model = checkpoints.restore(f"{base}-s{self.training_seed}")
        return Solver(model, TOGETHER[self.mode])

    def shortened(self, kind: str) -> tuple[Solver, Shortened]:
        """Return the latent student and shortcuts that were trained for it."""
        found = checkpoints.shortened(f"cot-shortcuts-{kind}-s{self.training_seed}")
        return Solver(found.model, TOGETHER[self.mode]), found

    def reader(self, *asked: object) -> NoReturn:
        """Refuse a method that is made for another layout.

        Raises:
            SelectionError: always.
        """
        raise SelectionError(
            "At layout=cot there are questions with steps, and this method reads another layout.",
            "Leave layout as its card has it; cot, latent_cot and system_1_5 are for cot.",
        )

    unit_reader = reader
    width_reader = reader
    path_reader = reader
    guided = reader

    def calibration(self) -> Exam:
        """Return questions without keys that no score is taken on."""
        return Exam(-1, _draw(CALIBRATION_SEED, CALIBRATION).questions)

    def key(self, exam: Exam, *, wrong: int | None = None) -> Ints:
        """Return the answers of an exam, [n]. For oracles alone.

        With `wrong`, a seed, every answer is replaced by another value: what a search still
        finds then it finds by luck.
        """
        return drawn_wrong(self._posed(exam).keys.answers, wrong)

    def siblings(self, exam: Exam, number: int) -> Reckoned:
        """Return the same operations on another opening value, keys included. For oracles."""
        seeds = np.random.SeedSequence((_SIBLINGS, self.seed, exam.index, number))
        generator = np.random.Generator(np.random.PCG64(seeds))
        return traces.sibling(generator, self._posed(exam).keys)

    def critical(self, exam: Exam) -> Bools:
        """Return which steps change the value, [n, 8]. For oracles alone."""
        return self._posed(exam).keys.critical

    def _posed(self, exam: Exam) -> Reckoned:
        return self.exams[exam.index]

    def score(self, exam: Exam, solution: Solution) -> Mapping[str, float]:
        """Return quality, counted work and where the work went."""
        keys = self._posed(exam).keys
        hit = solution.said.numpy() == keys.answers
        tokens = int(exam.questions.lengths.sum()) + len(hit)
        return (
            {"accuracy": float(hit.mean()), "answers": float(len(hit))}
            | _phases(solution, tokens)
            | _costs(solution, tokens)
            | _allocation(solution, keys)
        )


def drawn_wrong(answers: Ints, wrong: int | None) -> Ints:
    """Return the answers, or with a seed other values in their place."""
    if wrong is None:
        return answers
    shift = np.random.Generator(np.random.PCG64(wrong)).integers(1, 7, answers.shape)
    return np.asarray(3 + (answers - 3 + shift) % 7, np.int64)


def load(seed: int, mode: str, batches: int, sequences: int) -> Reckoning:
    """Return the task at layout `cot`."""
    n = PER_SEQUENCE * sequences
    exams = tuple(_draw(seed, n, _EVALUATION, index) for index in range(batches))
    return Reckoning(seed, mode, exams, Meter())


def _draw(*seeds: int) -> Reckoned:
    """Draw `seeds[1]` questions from a stream keyed by all of the numbers."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds)))
    return traces.pose(generator, seeds[1])


def _phases(solution: Solution, tokens: int) -> dict[str, float]:
    ran = {phase: solution.executions(phase) for phase in ("question", "latent", "language")}
    return {
        "executions": float(sum(part.sum() for part in ran.values())) / tokens,
        "executions_latent": float(ran["latent"].double().mean()),
        "executions_language": float(ran["language"].double().mean()),
        "tokens_language": float(solution.spoken.double().mean()),
        "steps_latent": float(solution.steps.double().mean()),
    }


def _costs(solution: Solution, tokens: int) -> dict[str, float]:
    works = [
        work for book in solution.books for work in (book.question, book.latent, book.language)
    ]
    return {
        "flops_counted": sum(work.flops + work.moved for work in works) / tokens,
        "moved": sum(work.moved for work in works) / tokens,
        "kv_entries": sum(work.kv_entries for work in works) / tokens,
        "kv_allocated": sum(work.kv_allocated for work in works) / tokens,
        "parameters_bytes": 4.0 * solution.parameters,
        "tokens": float(tokens),
    }


def _allocation(solution: Solution, keys: Keys) -> dict[str, float]:
    """Return the layers run in both kinds of latent steps, where a step is one operation."""
    steps = solution.steps.numpy()
    depths = solution.exits.numpy()
    critical = keys.critical[:, : depths.shape[1]]
    there = (depths >= 0) & (steps == keys.steps)[:, None]
    if not (there & critical).any() or not (there & ~critical).any():
        return {}
    found = {
        name: float(depths[there & (critical == kind)].mean())
        for name, kind in (("depth_critical", True), ("depth_trivial", False))
    }
    if found["depth_trivial"]:
        found["critical_over_trivial"] = found["depth_critical"] / found["depth_trivial"]
    return found


def with_more(solution: Solution, parameters: int) -> Solution:
    """Return the solution with the parameters of whatever decides."""
    return replace(solution, parameters=solution.parameters + parameters)

"""What a method that reckons in steps holds, and the task that hands it out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.harness.contract.card import Point
from adabench.workloads.depth_width.ledger_cot.substrate import latent_forward, traces
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import (
    HandOver,
    Shortcut,
    Solution,
)
from adabench.workloads.depth_width.ledger_cot.substrate.shortcuts import Shortened
from adabench.workloads.depth_width.ledger_cot.substrate.traces import HALF
from adabench.workloads.depth_width.substrate.answers.rule_works import RuleWorks
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.questions import Exam, Questions

TOGETHER = {"prefill": 64, "decode1": 1, "decode16": 16}


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

    def think(
        self,
        exam: Exam,
        shortcut: Shortcut | None = None,
        *,
        per_step: int = 1,
        more: int = 0,
    ) -> Solution:
        """Answer after a latent step for each operation, or for two of them.

        `more` is the parameters of whatever cuts steps short.
        """
        asked = exam.questions if per_step == 1 else marked(exam.questions, HALF)
        steps = -(-operations(asked) // per_step)
        solution = self._solved(
            asked,
            lambda who: latent_forward.in_thought(
                self.model, steps[who], shortcut and shortcut.of(who)
            ),
            traces.MOST + 1,
        )
        return replace(solution, parameters=solution.parameters + more)

    def joined(self, parts: Sequence[tuple[Tensor, Solution]], *, more: int = 0) -> Solution:
        """Put solutions of disjoint questions back in one, in the questions' order.

        What all of them took is counted; they may come of several solvers.
        """
        rows = torch.cat([part for part, _ in parts])
        order = rows.argsort()
        most = max(solution.exits.shape[1] for _, solution in parts)

        def whole(read: Callable[[Solution], Tensor]) -> Tensor:
            return torch.cat([read(solution) for _, solution in parts])[order]

        return Solution(
            whole(lambda s: s.said),
            whole(lambda s: s.spoken),
            whole(lambda s: s.steps),
            whole(lambda s: F.pad(s.exits, (0, most - s.exits.shape[1]), value=-1)),
            tuple(
                replace(book, who=own[book.who])
                for own, solution in parts
                for book in solution.books
            ),
            parts[0][1].parameters + more,
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


def shortcut_apart(shortcut: Shortcut | None, works: RuleWorks) -> Shortcut | None:
    """Return a shortcut whose rule counts apart from the engine."""
    if shortcut is None:
        return None
    given = shortcut.given
    own = (
        None
        if given is None
        else lambda who: replace(given(who), leave=works.rule(given(who).leave))
    )
    return Shortcut(works.rule(shortcut.leave), shortcut.hand_over, own)


@dataclass(frozen=True)
class ShortenedSolver:
    """The latent student and its shortcuts."""

    solver: Solver
    shortened: Shortened

    def think(self, exam: Exam, threshold: float, hand_over: HandOver | None = None) -> Solution:
        """Think with shortcuts, then answer; by default they hand over as they were taught."""
        taught = self.shortened.shortcut(threshold)
        rule = replace(taught, hand_over=hand_over or taught.hand_over)
        more = sum(weight.numel() for weight in self.shortened.shortcuts.parameters())
        return self.solver.think(exam, rule, more=more)

    def think_at(self, exam: Exam, point: Point) -> Solution:
        """Think with shortcuts that are taken above `lambda_depth`, then answer."""
        return self.think(exam, float(point["lambda_depth"]))


class StepTask(Protocol):
    """Models by name, and questions that nothing is scored on."""

    def solver(self, base: str, /) -> Solver:
        """Return a backbone such as `cot-words`."""
        ...

    def shortened(self, kind: str, /) -> ShortenedSolver:
        """Return the latent student and the shortcuts of one kind."""
        ...

    def calibration(self) -> Exam:
        """Return questions without keys."""
        ...

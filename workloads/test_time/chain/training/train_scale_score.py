"""How the difficulty of a step is learned: from how sure a policy is, to how often it errs.

The policy works out questions of the `calibration` split in System 1 (`substrate/step_modes.py`). Of each
product stands written down how unsure it was before the first word of its own result, the factor,
and whether the result was wrong. Two lines are fitted by logistic regression, each on one number:

    score   P(wrong) = sigmoid(a + b log(entropy + 0.0001))
    rule    P(wrong) = sigmoid(a + b factor)        the cheap rival: it looks at the question alone

Newton's method on all products at once, with a weight of 0.001 on the square of b.

**How good**, on the `dev` split: AUC of both, their distance from what really happened, how often each
mode is right, and the share of products that the score sends to System 2 at some thresholds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.shared.counting.ranking import auc
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.domain import SPLITS, with_modes
from adabench.workloads.test_time.chain.substrate.problems import STEP_WORDS, Problem, Split, stream
from adabench.workloads.test_time.chain.substrate.step_modes import log_entropy
from adabench.workloads.test_time.chain.training.train_judge import Floats, calibration_error
from adabench.workloads.test_time.chain.truth.worked_solutions import Answers
from adabench.workloads.test_time.substrate.dual_modes import (
    Choice,
    SubProblem,
    always,
    modes_of,
    work,
)
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.search_models import Models

LENGTHS = (4, 6)
DEV_SEED, DEV_PROBLEMS = 5, 300
THRESHOLDS = (0.01, 0.05, 0.2, 0.5)
EFFORT = 5
PENALTY, ROUNDS = 1e-3, 30


@dataclass(frozen=True)
class Product:
    """A product that a policy worked out in System 1."""

    entropy: float
    factor: int
    is_wrong: bool


def train(
    recipe: Recipe, policy: NativeEngine, progress: Progress
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Fit both lines, and return them with what they are worth on problems of `dev`."""
    own = QuestionTask(recipe.seed, with_modes(SPLITS, recipe.policy), lambda: Models(policy, None))
    problems = list(islice(stream("calibration", recipe.seed, LENGTHS), recipe.problems))
    found: list[Product] = []
    for index, problem in enumerate(problems):
        found += products(own, problem, index)
        progress(index + 1, len(problems))
    wrong = np.array([one.is_wrong for one in found], np.float64)
    lines = {
        "score": fit(np.array([log_entropy(one.entropy) for one in found]), wrong),
        "rule": fit(np.array([one.factor for one in found], np.float64), wrong),
    }
    return {key: torch.tensor(line).float() for key, line in lines.items()}, report(own, lines)


def products(task: QuestionTask, problem: Problem, index: int) -> Iterator[Product]:
    """Yield the products of a problem as a policy worked them out in System 1."""
    entropies: dict[int, float] = {}

    def note(step: SubProblem) -> bool:
        entropies[step.number] = step.uncertainty()
        return False

    completion, grader = _solution(task, problem, index, note), Answers(())
    for number, entropy in entropies.items():
        step = completion[number * STEP_WORDS : (number + 1) * STEP_WORDS]
        yield Product(entropy, problem.operations[number][1], not grader.is_right_step(step))


def _solution(task: QuestionTask, problem: Problem, index: int, choose: Choice) -> tuple[int, ...]:
    with task.session(Question(index, problem.prompt, "")) as session:
        work(session, modes_of(task), choose, effort=EFFORT)
    return session.best


def fit(values: Floats, wrong: Floats) -> tuple[float, float]:
    """Return intercept and slope of a logistic regression on one number."""
    rows = np.stack((np.ones(len(values)), values), axis=1)
    line, penalty = np.zeros(2), np.diag((0.0, PENALTY))
    for _ in range(ROUNDS):
        chance = 1.0 / (1.0 + np.exp(-(rows @ line)))
        curve = rows.T @ (rows * (chance * (1.0 - chance))[:, None]) + penalty
        line = line - np.linalg.solve(curve, rows.T @ (chance - wrong) + penalty @ line)
    return float(line[0]), float(line[1])


def report(task: QuestionTask, lines: dict[str, tuple[float, float]]) -> dict[str, float]:
    """Return what both lines, and both modes, are worth on problems of the `dev` split."""
    problems = _problems("dev")
    found = [one for i, problem in enumerate(problems) for one in products(task, problem, i)]
    wrong = np.array([one.is_wrong for one in found], np.float64)
    said = {
        "score": _chances(lines["score"], [log_entropy(one.entropy) for one in found]),
        "rule": _chances(lines["rule"], [one.factor for one in found]),
    }
    in_parts = [_solution(task, problem, i, always) for i, problem in enumerate(problems)]
    grader = Answers(tuple(problems))
    right = [grader.is_right(i, completion) for i, completion in enumerate(in_parts)]
    worth = {"products": len(found), "system1_right": 1.0 - wrong.mean()}
    worth["system2_solved"] = float(np.mean(right))
    for name, chances in said.items():
        worth[f"{name}_auc"] = auc(chances, wrong)
        worth[f"{name}_calibration_error"] = calibration_error(chances, wrong)
    for tau in THRESHOLDS:
        worth[f"share_above_{tau}"] = (said["score"] > tau).mean()
    return {name: round(float(value), 4) for name, value in worth.items()}


def _problems(split: Split) -> list[Problem]:
    return list(islice(stream(split, DEV_SEED, LENGTHS), DEV_PROBLEMS))


def _chances(line: tuple[float, float], values: Sequence[float]) -> Floats:
    chances: Floats = 1.0 / (1.0 + np.exp(-(line[0] + line[1] * np.array(values, np.float64))))
    return chances

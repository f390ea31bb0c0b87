"""How a table of strategies is fitted to a policy and its judge: what each answers on `dev` questions.

As many questions of each difficulty of the `dev` split and of no other. Their samples have keys of
this fit alone. What is measured is in `strategy_fit.py`; here are the questions and their answers.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.reward_model import Judge
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.attempt_judge import AttemptJudge
from adabench.workloads.test_time.chain.substrate.problems import stream
from adabench.workloads.test_time.chain.training.forms import ALL_LENGTHS, Asked, form_of
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.strategies import REVISING
from adabench.workloads.test_time.substrate.strategy_fit import plan_of, report, trial
from adabench.workloads.test_time.substrate.strategy_store import stored

BUDGETS, DEAR = (4, 16, 64), (4, 16)
"""Of mechanisms; of those that revise."""
PILOT = 16
_KEY = 0x7AB1E


def train(
    recipe: Recipe, policy: NativeEngine, judge: Judge, progress: Progress
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Fit a table, and return it with what was measured."""
    own, mechanism = Models(policy, judge), recipe.mechanism
    reader = AttemptJudge(judge, form_of(recipe).revisions)
    task = questions(recipe, replace(own, reviser=Models(policy, reader)))
    budgets = DEAR if mechanism in REVISING else BUDGETS
    found = trial(task, mechanism, budgets, PILOT, progress)
    plan = plan_of(found)
    numbers = {key: torch.tensor(value).float() for key, value in stored(mechanism, plan).items()}
    return numbers, report(found, plan)


def questions(recipe: Recipe, models: Models) -> GradedTask:
    """Return the questions that a table is fitted to, with who grades them."""
    form, problems = form_of(recipe), _problems(recipe)
    asked = tuple(Question(i, problem.prompt, "") for i, problem in enumerate(problems))
    return GradedTask(
        mix(_KEY, recipe.seed),
        form.domain,
        lambda: models,
        questions=asked,
        grader=form.grader(tuple(problems)),
    )


def _problems(recipe: Recipe) -> Sequence[Asked]:
    if recipe.format == "orders":
        return form_of(recipe).problems("dev", mix(_KEY, recipe.seed), recipe.problems)
    each = recipe.problems // len(ALL_LENGTHS)
    return [
        problem
        for length in ALL_LENGTHS
        for problem in islice(stream("dev", mix(_KEY, recipe.seed, length), [length]), each)
    ]

"""How a table of strategies is fitted to a policy and its judge: what each answers on `dev` questions.

As many questions of each difficulty of the `dev` split and of no other. Their samples have keys of
this fit alone. What is measured is in `strategy_fit.py`; here are the questions and their answers.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.reward_model import Judge
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate import order_problems
from adabench.workloads.test_time.chain.substrate.attempt_judge import RETRY, AttemptJudge
from adabench.workloads.test_time.chain.substrate.domain import ORDERS
from adabench.workloads.test_time.chain.truth.order_solutions import OrderAnswers
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
    task = questions(recipe, replace(own, reviser=Models(policy, AttemptJudge(judge, RETRY))))
    budgets = DEAR if mechanism in REVISING else BUDGETS
    found = trial(task, mechanism, budgets, PILOT, progress)
    plan = plan_of(found)
    numbers = {key: torch.tensor(value).float() for key, value in stored(mechanism, plan).items()}
    return numbers, report(found, plan)


def questions(recipe: Recipe, models: Models) -> GradedTask:
    """Return the questions that a table is fitted to, with who grades them."""
    key = mix(_KEY, recipe.seed)
    problems = order_problems.questions("dev", key, recipe.problems)
    asked = tuple(Question(i, problem.prompt, "") for i, problem in enumerate(problems))
    grader = OrderAnswers(tuple(problems))
    return GradedTask(key, ORDERS, lambda: models, questions=asked, grader=grader)

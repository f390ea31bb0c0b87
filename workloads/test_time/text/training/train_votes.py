"""How a table of votes is fitted to a model: what each of them answers on sums of the `train` split.

No run asks these sums. There is no judge of steps, so strategies that need one are not among them, and
difficulty is how far samples agree. What is measured is in `strategy_fit.py`.
"""

from typing import Any

import torch
from torch import Tensor

from adabench.workloads.shared.sources.model_spec import ModelSpec
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.test_time.substrate.strategy_fit import plan_of, report, trial
from adabench.workloads.test_time.substrate.strategy_store import stored
from adabench.workloads.test_time.text.recipes import Recipe
from adabench.workloads.test_time.text.task import of_practice

MECHANISM = "votes"
BUDGETS = (4, 8)


def train(
    plan: Recipe, spec: ModelSpec, progress: Progress
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Fit a table, and return it with what was measured."""
    task = of_practice(str(spec), plan.seed, plan.steps)
    found = trial(task, MECHANISM, BUDGETS, plan.samples, progress)
    fitted = plan_of(found)
    numbers = {key: torch.tensor(one).float() for key, one in stored(MECHANISM, fitted).items()}
    return numbers, report(found, fitted)

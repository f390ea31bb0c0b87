"""How responses are collected: every configuration of the pool answers questions of `calibration`.

Each configuration answers each question in a session of its own, as a method would have it answer in a
run (`configurations.collect_responses`); one that came twice would be answered once, so that none is in two parts of a
split. Written down are the prompts, which answers were right, and both counts. Nothing that says how hard a question
is goes along; what a router knows of a question is its prompt.

**How good**, in the card: the accuracy and the mean MFLOP of each configuration.
"""

import torch
from torch import Tensor

from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.vocabulary import PAD
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.configuration_pool import CONFIGURATIONS
from adabench.workloads.test_time.chain.substrate.domain import ORDERS
from adabench.workloads.test_time.chain.substrate.order_problems import Product, questions
from adabench.workloads.test_time.chain.truth.order_solutions import OrderAnswers
from adabench.workloads.test_time.substrate.configurations import (
    SHIPPED_AS,
    collect_responses,
    worth,
)
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.search_models import Models

_KEYS = 0xCA11B
"""Keys the draws of these sessions apart from those of a run."""


def collect(
    recipe: Recipe, pool: Models, progress: Progress
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Let a pool answer; return the responses, and what each configuration is worth."""
    drawn = tuple(questions("calibration", recipe.seed, recipe.problems))
    first: dict[Product, int] = {}
    for index, problem in enumerate(drawn):
        first.setdefault(problem, index)
    asked = [Question(index, problem.prompt, "") for problem, index in first.items()]
    task = GradedTask(
        mix(_KEYS, recipe.seed), ORDERS, lambda: Models(pool.policy, None, pool=pool),
        grader=OrderAnswers(drawn),
    )  # fmt: skip
    found = collect_responses(task, CONFIGURATIONS, asked, progress)
    longest = max(len(one.prompt) for one in asked)
    prompts = [[*one.prompt, *[PAD] * (longest - len(one.prompt))] for one in asked]
    lengths = [len(one.prompt) for one in asked]
    responses = {
        "prompts": torch.tensor(prompts).to(torch.uint8),
        "lengths": torch.tensor(lengths).to(torch.uint8),
        **{name: torch.from_numpy(found[name].astype(kind)) for name, kind in SHIPPED_AS.items()},
    }
    return responses, worth(CONFIGURATIONS, found)

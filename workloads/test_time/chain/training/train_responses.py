"""How responses are collected: every configuration of the pool answers questions of `calibration`.

Each configuration answers each question in a session of its own, as a method would have it answer in a
run (`configurations.answer`): completions are drawn by the models and confirmed by the task's ledger, and
words and FLOPs are what that session counted, all votes included. Short questions come twice now and
then; only the first is answered, so that none is in two parts of a split. Written down are the prompts, which
answers were right, and both counts. Neither the number of operations nor anything else that says how
hard a question is goes along; what a router knows of a question is its prompt.

**How good**, in the card: the accuracy and the mean MFLOP of each configuration.
"""

from itertools import islice

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.vocabulary import PAD
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.configuration_pool import CONFIGURATIONS
from adabench.workloads.test_time.chain.substrate.domain import chain_of
from adabench.workloads.test_time.chain.substrate.problems import LONGEST, Problem, stream
from adabench.workloads.test_time.chain.truth.worked_solutions import Answers
from adabench.workloads.test_time.substrate.configurations import answer
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.search_models import Models

LENGTHS = tuple(range(1, LONGEST + 1))
_KEYS = 0xCA11B
"""Keys the draws of these sessions apart from those of a run."""


def collect(
    recipe: Recipe, pool: Models, progress: Progress
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Let a pool answer; return the responses, and what each configuration is worth."""
    drawn = list(islice(stream("calibration", recipe.seed, LENGTHS), recipe.problems))
    grader = Answers(tuple(drawn))
    task = QuestionTask(
        mix(_KEYS, recipe.seed), chain_of(LENGTHS), lambda: Models(pool.policy, None, pool=pool)
    )
    rows, problems = [], []
    for index, problem in enumerate(drawn):
        if problem not in problems:
            problems.append(problem)
            rows.append(respond(task, grader, index, problem))
        progress(index + 1, len(drawn))
    right, generated, flops = np.moveaxis(np.array(rows), 2, 0)
    longest = max(len(problem.prompt) for problem in problems)
    prompts = [[*problem.prompt, *[PAD] * (longest - len(problem.prompt))] for problem in problems]
    responses = {
        "prompts": torch.tensor(prompts).to(torch.uint8),
        "lengths": torch.tensor([len(problem.prompt) for problem in problems]).to(torch.uint8),
        "right": torch.from_numpy(right).to(torch.uint8).contiguous(),
        "generated": torch.from_numpy(generated).to(torch.int16).contiguous(),
        "flops": torch.from_numpy(flops).float().contiguous(),
    }
    names = [one.name for one in CONFIGURATIONS]
    worth = {f"accuracy {name}": v for name, v in zip(names, right.mean(axis=0), strict=True)}
    worth |= {f"MFLOP {n}": v / 1e6 for n, v in zip(names, flops.mean(axis=0), strict=True)}
    return responses, {name: round(float(value), 4) for name, value in worth.items()}


def respond(
    task: QuestionTask, grader: Answers, index: int, problem: Problem
) -> list[tuple[float, float, float]]:
    """Return for each configuration whether it was right, its words and its FLOPs.

    Raises:
        MethodContractError: for a completion that no engine drew.
    """
    question, found = Question(index, problem.prompt, ""), []
    for configuration in CONFIGURATIONS:
        task.meter.clear()
        with task.session(question, pooled=True) as session:
            answer(session, configuration)
        completion = task.account(question, session.best)
        found.append((
            float(grader.is_right(index, completion)),
            float(task.meter["generated"]),
            float(task.meter["flops_counted"]),
        ))  # fmt: skip
    return found

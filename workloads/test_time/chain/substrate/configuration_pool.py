"""The pool of the chain: three policies, each with 1, 4 or 16 votes; and what they answered before.

    configuration   lm-s@1 lm-s@4 lm-s@16   lm-x@1 ...   lm-l@1 ... lm-l@16
    price           in FLOPs, as sessions counted them

Beside `lm-s` stand `lm-x`, which has five times its FLOPs, and `lm-l` with 20 times. Each training of `lm-s` was
asked questions of the `calibration` split of its own, and its responses are shipped
(`training/train_responses.py`); embeddings of these questions are computed from their prompts when they are asked
for, by the policy that reads the prompt in a run.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from adabench.workloads.shared.language_model.contract import Costs
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.written_sequence import POLICY
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.test_time.chain.recipes import (
    ORDERS,
    RESPONSES,
    TRAININGS,
    Recipe,
    recipes,
)
from adabench.workloads.test_time.chain.substrate.order_problems import problem_of
from adabench.workloads.test_time.chain.substrate.trained_models import (
    FOLDER,
    SMALL,
    all_there,
    engine,
    file_of,
    in_turn,
    models,
)
from adabench.workloads.test_time.substrate.configurations import (
    Floats,
    ResponseTable,
    configurations_of,
    prompt_state,
)
from adabench.workloads.test_time.substrate.search_models import Models

ROLES = {SMALL: POLICY, "lm-x": "middle", "lm-l": "large"}
"""By model: its role in a session."""
CONFIGURATIONS = configurations_of(ROLES, (1, 4, 16))
FIRST = f"{RESPONSES}{ORDERS}-s0"
"""The first collection."""


def pool_of(open_engine: Callable[[str], NativeEngine], plan: Recipe) -> Models:
    """Return the three policies that responses are of, without these."""
    others = {"middle": open_engine(plan.trunk), "large": open_engine(plan.target)}
    files = (plan.policy, plan.trunk, plan.target)
    return Models(open_engine(plan.policy), None, files, FOLDER, others=others)


def has_pool(policy: str, trainings: int = 1) -> bool:
    """Say whether each training of a policy is the smallest of a pool, and was asked for calibration."""
    return policy == SMALL and all_there(RESPONSES, trainings)


def pooled_models(policy: str, seed: int, trainings: int = 1) -> Models:
    """Return the engines for a policy and a run seed, with a pool where it is the smallest of one.

    Raises:
        SelectionError: if there is no such policy.
        TrainingMissing: if one that is wanted was not made yet, whichever seed takes it.
    """
    own = models(policy, seed, trainings)
    if not has_pool(policy, trainings):
        return own
    name = file_of(RESPONSES, seed, trainings)
    pool, responses = pool_of(engine, recipes()[name]), partial(read_responses, name)
    return replace(own, pool=replace(pool, names=(*pool.names, name), responses=responses))


def collection_name(seed: int) -> str:
    """Return the name of the collection of responses that a run seed takes, of those that are there."""
    return in_turn(f"{RESPONSES}{ORDERS}", seed)


@lru_cache(maxsize=len(TRAININGS))
def read_responses(name: str = FIRST) -> ResponseTable:
    """Return a collection of responses, with the embeddings of their questions.

    Raises:
        EnvironmentProblem: if they are not there.
    """
    plan = recipes()[name]
    found = {
        key: value.numpy().astype(np.float64)
        for key, value in checkpoints.weights(
            name, checkpoints.home(name, FOLDER), plan.forecast_s
        ).items()
    }
    prompts = [
        [int(word) for word in row[: int(length)]]
        for row, length in zip(found["prompts"], found["lengths"], strict=True)
    ]
    large = np.array([problem_of(prompt).large for prompt in prompts], np.float64)
    return ResponseTable(
        CONFIGURATIONS, embeddings(engine(plan.policy), prompts), large,
        found["right"], found["generated"], found["flops"],
    )  # fmt: skip


def responses_file(name: str = FIRST) -> Path:
    """Return where a collection of responses is."""
    return checkpoints.home(name, FOLDER) / f"{name}{checkpoints.SUFFIX}"


def embeddings(policy: NativeEngine, prompts: list[list[int]]) -> Floats:
    """Return the embeddings [n, D] of prompts, as a session of that policy has them."""
    found = []
    for prompt in prompts:
        policy.reset(Costs())
        found.append(prompt_state(policy.hidden(policy.open(prompt), 0)))
    return np.stack(found)

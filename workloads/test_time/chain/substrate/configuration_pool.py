"""The pool of the chain: three policies, each with 1, 4 or 16 votes; and what they answered before.

    configuration   lm-s@1 lm-s@4 lm-s@16   lm-x@1 ...   lm-l@1 ... lm-l@16
    price           in FLOPs, as sessions counted them

Beside `lm-s` stand `lm-x`, which has six times its FLOPs, and `lm-l` with 26 times, in the format `orders` 13. Responses to questions of
the `calibration` split are shipped (`training/train_responses.py`); embeddings of these questions are computed
from their prompts when they are asked for, by the policy that reads the prompt in a run. In the format `orders`
each training of `lm-s` was asked questions of its own. In `splits` the first was, in its default layout, five
times, and seeds of a run take these collections in turn.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from adabench.workloads.shared.language_model.contract import Costs
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.session_account import POLICY
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.test_time.chain.recipes import (
    RESPONSES,
    TRAININGS,
    Layout,
    Recipe,
    recipes,
)
from adabench.workloads.test_time.chain.substrate.trained_models import (
    FOLDER,
    all_there,
    engine,
    in_turn,
    models,
    order_file,
    order_models,
)
from adabench.workloads.test_time.substrate.configurations import (
    Floats,
    ResponseTable,
    configurations_of,
    prompt_state,
)
from adabench.workloads.test_time.substrate.search_models import Models

ROLES = {"lm-s": POLICY, "lm-x": "middle", "lm-l": "large"}
"""By model: its role in a session."""
CONFIGURATIONS = configurations_of(ROLES, (1, 4, 16))
FIRST = f"{RESPONSES}-s0"
"""The first collection of the format `splits`; all of them are of the same three policies."""


def pool_of(open_engine: Callable[[str], NativeEngine], plan: Recipe) -> Models:
    """Return the three policies that responses are of, without these."""
    others = {"middle": open_engine(plan.trunk), "large": open_engine(plan.target)}
    files = (plan.policy, plan.trunk, plan.target)
    return Models(open_engine(plan.policy), None, files, FOLDER, others=others)


def has_pool(policy: str, layout: Layout, trainings: int = 1) -> bool:
    """Say whether a policy is the smallest of a pool, and was asked for calibration."""
    needed = collection_name(0), recipes()[FIRST].target
    there = all(checkpoints.is_there(name, FOLDER) for name in needed)
    return policy == "lm-s" and layout == "several" and trainings == 1 and there


def pooled_models(policy: str, layout: Layout, seed: int, trainings: int = 1) -> Models:
    """Return the engines for a policy and a run seed, with a pool where it is the smallest of one.

    Raises:
        SelectionError: if there is no such policy.
        EnvironmentProblem: if it was not trained yet.
    """
    own = models(policy, layout, seed, trainings)
    if not has_pool(policy, layout, trainings):
        return own
    return _pooled(own, collection_name(seed))


def pooled_order_models(policy: str, seed: int, trainings: int = 1) -> Models:
    """Return the engines of the format `orders` for a policy and a run seed, with its pool.

    Raises:
        SelectionError: if there is no such policy.
        TrainingMissing: if one that is wanted was not made yet, whichever seed takes it.
    """
    own = order_models(policy, seed, trainings)
    if not has_order_pool(policy, trainings):
        return own
    return _pooled(own, order_file(RESPONSES, seed, trainings))


def has_order_pool(policy: str, trainings: int) -> bool:
    """Say whether each training of a policy of `orders` is the smallest of a pool."""
    return policy == "lm-s" and all_there(RESPONSES, trainings)


def _pooled(own: Models, collection: str) -> Models:
    """Return models with the pool that a collection of responses is of."""
    pool = pool_of(engine, recipes()[collection])
    names = (*pool.names, collection)
    responses = partial(read_responses, collection)
    return replace(own, pool=replace(pool, names=names, responses=responses))


def collection_name(seed: int) -> str:
    """Return the name of the collection of responses that a run seed takes."""
    return in_turn(RESPONSES, seed)


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
    return ResponseTable(
        CONFIGURATIONS, embeddings(engine(plan.policy), prompts), found["lengths"],
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

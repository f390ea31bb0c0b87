"""The policies that are shipped or in the user's cache, in single precision."""

from functools import lru_cache
from pathlib import Path

import torch

from adabench.workloads.algorithms.active_search.recipes import recipes
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Problem
from adabench.workloads.algorithms.active_search.substrate.bandits import Policy
from adabench.workloads.algorithms.active_search.substrate.hypothesis_policy import HypothesisPolicy
from adabench.workloads.algorithms.active_search.substrate.policy_network import (
    Network,
    NetworkPolicy,
)
from adabench.workloads.shared.training import checkpoints

FOLDER = Path(__file__).parents[1] / "checkpoints"


@lru_cache(maxsize=16)
def restore(name: str, folder: Path | None = None) -> dict[str, Network]:
    """Return a checkpoint's networks by name, in fp32, from a folder, or from where it was put.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    parts: dict[str, dict[str, torch.Tensor]] = {}
    recipe = checkpoints.find_recipe(name, recipes())
    place = folder or checkpoints.home(name, FOLDER)
    for key, value in checkpoints.weights(name, place, recipe.forecast_s).items():
        who, _, weight = key.partition(".")
        parts.setdefault(who, {})[weight] = value
    policies = {}
    for who, weights in parts.items():
        network = Network()
        network.load_state_dict(weights)
        policies[who] = network.requires_grad_(False)
    return policies


def shipped_policies(who: str, problem: Problem = "arms") -> tuple[Policy, ...]:
    """Return the policy of that name and problem of each training seed that is there.

    Raises:
        EnvironmentProblem: if none was trained yet.
    """
    kind = "policies" if problem == "arms" else problem
    names = [name for name in recipes() if name.startswith(f"{kind}-s")]
    there = [name for name in names if checkpoints.is_there(name, FOLDER)]
    networks = [restore(name)[who] for name in there or names[:1]]
    for name in there:
        checkpoints.note(name, FOLDER)
    return tuple(
        NetworkPolicy(one) if problem == "arms" else HypothesisPolicy(one) for one in networks
    )

"""The policies that are shipped or in the user's cache, in single precision."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from weakref import WeakKeyDictionary

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

_CHECKPOINTS: "WeakKeyDictionary[Policy, str]" = WeakKeyDictionary()
"""Which checkpoint a policy was restored from."""
FOLDER = Path(__file__).parents[1] / "checkpoints"


@lru_cache(maxsize=32)
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
    make = NetworkPolicy if problem == "arms" else HypothesisPolicy
    policies = []
    for name in there or names[:1]:
        policies.append(make(restore(name)[who]))
        _CHECKPOINTS[policies[-1]] = name
    return tuple(policies)


def note(policies: Sequence[Policy], seed: int) -> None:
    """Note the checkpoint that a run seed picks: a record names the one training that it is of.

    Where all of them play (`retrained`) the record is still of its seed's: that their losses differ is
    what such a case measures, and no reason to take all seeds for one.
    """
    name = _CHECKPOINTS.get(policies[seed % len(policies)]) if policies else None
    if name is not None:
        checkpoints.note(name, FOLDER)

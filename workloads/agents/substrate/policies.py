"""Policies that are shipped or in the user's cache, behind engines, if they pass their gates."""

import json
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

from adabench.harness.errors import EnvironmentProblem, SelectionError, nearest
from adabench.workloads.agents.substrate.action_words import ACTION_VOCABULARY
from adabench.workloads.agents.substrate.agent_task import Policy
from adabench.workloads.agents.substrate.policy_gates import GATES, VALUE_GATES, Gate, misses
from adabench.workloads.agents.substrate.policy_recipes import (
    TRAININGS,
    mode_recipes,
    policy_recipes,
    value_name,
    value_recipes,
)
from adabench.workloads.agents.substrate.value_head import ValueHead, restored
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training import checkpoints

FOLDER = Path(__file__).parents[1] / "lookup" / "checkpoints"
"""Where the family's policies are shipped: with the task whose recipes make them."""


def policy_name(base: str, seed: int) -> str:
    """Return the name of a policy's checkpoint for a run seed: trainings that are there, in turn.

    Raises:
        SelectionError: if there is no such policy.
    """
    known = dict.fromkeys(name.rpartition("-s")[0] for name in policy_recipes())
    if base not in known:
        raise SelectionError(f"There is no policy {base!r}.", nearest(base, known))
    there = [k for k in TRAININGS if checkpoints.is_there(f"{base}-s{k}", FOLDER)] or [0]
    return f"{base}-s{there[seed % len(there)]}"


def policy(name: str) -> Policy:
    """Return a policy that passes its gates.

    Raises:
        EnvironmentProblem: if it was not trained yet, or misses a gate.
    """
    return Policy(engine(name), name, FOLDER, partial(value_head, value_name(name)))


@lru_cache(maxsize=8)
def value_head(name: str) -> ValueHead:
    """Return a value head that passes its gate, and note its use.

    Raises:
        EnvironmentProblem: if it was not trained yet, or misses its gate.
    """
    place = checkpoints.home(name, FOLDER)
    recipe = checkpoints.find_recipe(name, value_recipes())
    found = restored(checkpoints.weights(name, place, recipe.forecast_s))
    refuse_failures(name, place, VALUE_GATES)
    return found


def engine(name: str, folder: Path | None = None) -> NativeEngine:
    """Return an engine over a policy that passes its gates.

    Raises:
        EnvironmentProblem: if it was not trained yet, or misses a gate.
    """
    place = folder or checkpoints.home(name, FOLDER)
    model = restore(name, place)
    refuse_failures(name, place)
    return NativeEngine(model, name.rpartition("-s")[0], vocabulary=ACTION_VOCABULARY)


def refuse_failures(name: str, folder: Path, gates: Sequence[Gate] = GATES) -> None:
    """Make sure that a checkpoint's card says that it passes its gates.

    Raises:
        EnvironmentProblem: naming what it misses.
    """
    card = folder / f"{name}.json"
    figures = json.loads(card.read_text(encoding="utf-8")).get("dev", {}) if card.exists() else {}
    missed = misses(figures, gates)
    if missed:
        raise EnvironmentProblem(
            f"The checkpoint {name} is not used, for it misses its gates: {'; '.join(missed)}.",
            f"Train another one (adabench train '{name.rpartition('-s')[0]}-s*'), or choose another one.",
        )


@lru_cache(maxsize=8)
def restore(name: str, folder: Path) -> LanguageModel:
    """Return a checkpoint's language model in single precision, whatever its gates say.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    modes = mode_recipes()
    base = checkpoints.find_recipe(modes[name].policy if name in modes else name, policy_recipes())
    model = LanguageModel(base.shape)
    forecast_s = modes[name].forecast_s if name in modes else base.forecast_s
    model.load_state_dict(checkpoints.weights(name, folder, forecast_s))
    return model.eval().requires_grad_(False)

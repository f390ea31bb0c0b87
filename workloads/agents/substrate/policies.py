"""Policies that are shipped or in the user's cache, behind engines, if they pass their gates."""

import json
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

from adabench.harness.errors import MissingAbility
from adabench.workloads.agents.substrate import weight_differences
from adabench.workloads.agents.substrate.action_words import ACTION_VOCABULARY
from adabench.workloads.agents.substrate.agent_session import MODE_NAMES
from adabench.workloads.agents.substrate.agent_task import Policy
from adabench.workloads.agents.substrate.named_models import trained_names
from adabench.workloads.agents.substrate.policy_recipes import (
    ADAPTER,
    ADAPTER_GATES,
    ADAPTIVE,
    FLAT,
    GATES,
    PLAN_GATES,
    VALUE_GATES,
    adapter_recipes,
    mode_name,
    mode_recipes,
    plan_name,
    plan_recipes,
    policy_recipes,
    recipes,
    value_name,
    value_recipes,
)
from adabench.workloads.agents.substrate.strategy_adapter import StrategyAdapter
from adabench.workloads.agents.substrate.strategy_adapter import restored as restored_adapter
from adabench.workloads.agents.substrate.value_head import ValueHead, restored
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.recipe_card import Gate, refuse_misses

FOLDER = Path(__file__).parents[1] / "lookup" / "checkpoints"
"""Where the family's policies are shipped: with the task whose recipes make them."""


def policy_name(base: str, seed: int) -> str:
    """Return the name of a policy's checkpoint for a run seed: trainings that are there, in turn.

    Raises:
        SelectionError: if there is no such policy.
    """
    names = trained_names(base, policy_recipes(), FOLDER, "policy")
    return names[seed % len(names)]


def absences(base: str) -> dict[str, tuple[str, str]]:
    """Return by ability which files beside a policy's trainings are missing, and what makes them.

    `values`: heads that value its states; `modes`: policies that went on from it to choose modes; `plans`:
    planners of its size; `strategies`: PRISM's adapters of its modes.

    Raises:
        SelectionError: if there is no such policy.
    """
    known, names = recipes(), trained_names(base, policy_recipes(), FOLDER, "policy")
    needed = {
        "values": [value_name(name) for name in names],
        "modes": [mode_name(name, role) for name in names for role in (ADAPTIVE, FLAT)],
        "plans": [plan_name(name) for name in names],
        "strategies": [
            one.name if {*names} <= {*one.policies} else f"{ADAPTER}-{base}"
            for one in adapter_recipes().values()
        ],
    }
    found = {}
    for ability, files in needed.items():
        missing = [file for file in dict.fromkeys(files) if not checkpoints.is_there(file, FOLDER)]
        if missing:
            train = f"Make it: adabench train {' '.join(f'lookup/{file}' for file in missing)}"
            can_be_made = all(file in known for file in missing)
            remedy = train if can_be_made else "Choose policy=agent-s."
            found[ability] = f"Not trained yet for {base}: {', '.join(missing)}.", remedy
    return found


def _require(name: str) -> None:
    """Make sure that a checkpoint is there.

    Raises:
        MissingAbility: if it was not trained yet; it says what makes it.
    """
    if not checkpoints.is_there(name, FOLDER):
        forecast_s = checkpoints.find_recipe(name, recipes()).forecast_s
        raise MissingAbility(
            f"{name} was not trained yet, and a run trains nothing.",
            f"Make it first, in about {forecast_s} s of one core: adabench train lookup/{name}",
        )


def policy(name: str) -> Policy:
    """Return a policy that passes its gates.

    Raises:
        EnvironmentProblem: if it misses a gate.
        MissingAbility: if it was not trained yet.
    """
    _require(name)
    head = partial(value_head, value_name(name))
    return Policy(engine(name), name, FOLDER, head, mode_shares(name), partial(adapter, name))


def planner(name: str) -> Policy:
    """Return a planner that passes its gates; no head values its states.

    Raises:
        EnvironmentProblem: if it misses a gate.
        MissingAbility: if it was not trained yet.
    """
    _require(name)
    own = engine(name, gates=PLAN_GATES)
    return Policy(own, name, FOLDER, partial(value_head, value_name(name)))


@lru_cache(maxsize=8)
def value_head(name: str) -> ValueHead:
    """Return a value head that passes its gate.

    Raises:
        EnvironmentProblem: if it misses its gate.
        MissingAbility: if it was not trained yet.
    """
    _require(name)
    place = checkpoints.home(name, FOLDER)
    recipe = checkpoints.find_recipe(name, value_recipes())
    found = restored(checkpoints.weights(name, place, recipe.forecast_s))
    refuse_misses(name, place, VALUE_GATES)
    return found


def adapter(policy: str, seed: int) -> StrategyAdapter:
    """Return PRISM's adapter of a policy for a run seed, trainings in turn, and note that it is handed out.

    Raises:
        EnvironmentProblem: if it misses its gate.
        MissingAbility: if none was trained for the policy.
    """
    known = adapter_recipes()
    names = trained_names(ADAPTER, known, FOLDER, "adapter")
    name = names[seed % len(names)]
    _require(name)
    if policy not in known[name].policies:
        raise MissingAbility(f"No adapter was trained for {policy}.", "Choose policy=agent-s.")
    checkpoints.note(name, FOLDER)
    return _adapter(name, policy)


@lru_cache(maxsize=8)
def _adapter(name: str, policy: str) -> StrategyAdapter:
    place = checkpoints.home(name, FOLDER)
    refuse_misses(name, place, ADAPTER_GATES)
    forecast_s = adapter_recipes()[name].forecast_s
    return restored_adapter(checkpoints.weights(name, place, forecast_s), policy)


def engine(name: str, folder: Path | None = None, gates: Sequence[Gate] = GATES) -> NativeEngine:
    """Return an engine over a policy that passes its gates.

    Raises:
        EnvironmentProblem: if it was not trained yet, or misses a gate.
    """
    place = folder or checkpoints.home(name, FOLDER)
    model = restore(name, place)
    refuse_misses(name, place, gates)
    return NativeEngine(model, name.rpartition("-s")[0], vocabulary=ACTION_VOCABULARY)


@lru_cache(maxsize=8)
def restore(name: str, folder: Path) -> LanguageModel:
    """Return a checkpoint's language model in single precision, whatever its gates say.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    modes = mode_recipes()
    known = policy_recipes() | plan_recipes()
    base = checkpoints.find_recipe(modes[name].policy if name in modes else name, known)
    model = LanguageModel(base.shape)
    if name in modes:
        changes = checkpoints.weights(name, folder, modes[name].forecast_s)
        weights = weight_differences.added(
            restore(base.name, beside(base.name, folder)).state_dict(), changes
        )
    else:
        weights = checkpoints.weights(name, folder, base.forecast_s)
    model.load_state_dict(weights)
    return model.eval().requires_grad_(False)


def beside(name: str, folder: Path) -> Path:
    """Return where a checkpoint is that others in a folder build on: there, or where it is shipped or cached."""
    is_here = (folder / f"{name}{checkpoints.SUFFIX}").exists()
    return folder if is_here else checkpoints.home(name, FOLDER)


def mode_shares(name: str) -> dict[str, float]:
    """Return how often a policy chooses each mode by itself, on the questions of its gates, as its card says."""
    card = checkpoints.home(name, FOLDER) / f"{name}.json"
    figures = json.loads(card.read_text(encoding="utf-8"))["dev"]
    return {mode: figures[f"share_{mode}"] for mode in MODE_NAMES if f"share_{mode}" in figures}

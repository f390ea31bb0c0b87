"""Checkpoints of policies and value heads: fp16 safetensors with a JSON card beside each, rebuilt from seeds.

A policy that went on from another one is stored as a difference in bytes (`substrate/weight_differences.py`).

A card says which recipe made the file, a digest of the sources it was made with, and the figures of its gates,
measured on the file as it is shipped. Who loads a policy holds them against its gates
(`substrate/policy_recipes.py`).
"""

from pathlib import Path
from types import ModuleType
from typing import Any

from adabench.workloads.agents.lookup.training import (
    gate_figures,
    plan_expert,
    plan_figures,
    train_adapter,
    train_modes,
    train_policies,
    train_values,
)
from adabench.workloads.agents.lookup.training.trace_mixture import traces
from adabench.workloads.agents.substrate import weight_differences
from adabench.workloads.agents.substrate.action_words import ACTION_VOCABULARY
from adabench.workloads.agents.substrate.policies import FOLDER, beside, engine, restore, value_head
from adabench.workloads.agents.substrate.policy_recipes import (
    GATES,
    AdapterRecipe,
    ModeRecipe,
    PlanRecipe,
    PolicyRecipe,
    ValueRecipe,
    recipes,
)
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import refuse_misses, ship


def train(
    name: str, progress: Progress = lambda done, steps: None, *, folder: Path = FOLDER
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    The policy of a value head, and the one that another goes on from, is read from `folder`; those of an adapter from
    where they ship if they are not there.

    Raises:
        EnvironmentProblem: if a value head's policy is not there, or misses a gate.
        SelectionError: if there is no recipe of that name.
    """
    plan = checkpoints.find_recipe(name, recipes())
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(plan, ValueRecipe):
        policy = engine(plan.policy, folder)
        head, dev = train_values.train(plan, policy, progress)
        dev["step_chance"] = round(gate_figures.step_chance(policy), 4)
        value_head.cache_clear()
        return ship(plan, checkpoints.halves(head), folder, lambda: dev, [train_values])
    if isinstance(plan, AdapterRecipe):
        engines = {name: engine(name, beside(name, folder)) for name in plan.policies}
        head, dev = train_adapter.train(plan, engines, progress)
        return ship(
            plan, checkpoints.halves(head), folder, lambda: dev, [train_adapter], gates=plan.gates
        )
    if isinstance(plan, ModeRecipe):
        place = beside(plan.policy, folder)
        refuse_misses(plan.policy, place, GATES)
        start = restore(plan.policy, place)
        model = train_modes.train(plan, start, progress)
        weights = weight_differences.packed(model.state_dict(), start.state_dict())
    else:
        source = plan_expert.plan_traces if isinstance(plan, PlanRecipe) else traces
        model = train_policies.train(plan, progress, source)
        weights = checkpoints.halves(model.state_dict())
    return ship(plan, weights, folder, lambda: _figures(plan, folder), _code(plan))


def _figures(plan: PolicyRecipe | ModeRecipe | PlanRecipe, folder: Path) -> dict[str, float]:
    """Measure the figures of a policy's gates on its file."""
    restore.cache_clear()
    own = NativeEngine(restore(plan.name, folder), plan.name, vocabulary=ACTION_VOCABULARY)
    if isinstance(plan, PlanRecipe):
        return plan_figures.figures(own)
    shares = gate_figures.mode_shares(own) if isinstance(plan, ModeRecipe) else {}
    return gate_figures.figures(own) | shares


def _code(plan: PolicyRecipe | ModeRecipe | PlanRecipe) -> list[ModuleType]:
    if isinstance(plan, ModeRecipe):
        return [train_modes]
    return [train_policies, plan_expert] if isinstance(plan, PlanRecipe) else [train_policies]

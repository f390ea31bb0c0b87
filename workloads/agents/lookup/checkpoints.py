"""Checkpoints of policies and value heads: fp16 safetensors with a JSON card beside each, rebuilt from seeds.

A policy that went on from another one is stored as a difference in bytes (`substrate/weight_differences.py`).

A card says which recipe made the file, a digest of the sources it was made with, and the figures of its gates,
measured on the file as it is shipped. Who loads a policy holds them against its gates
(`substrate/policy_gates.py`).
"""

import json
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from safetensors.torch import save_file

from adabench.workloads.agents.lookup.training import (
    gate_figures,
    plan_expert,
    plan_figures,
    train_modes,
    train_policies,
    train_values,
)
from adabench.workloads.agents.lookup.training.trace_mixture import traces
from adabench.workloads.agents.substrate import weight_differences
from adabench.workloads.agents.substrate.action_words import ACTION_VOCABULARY
from adabench.workloads.agents.substrate.gated_files import refuse_failures
from adabench.workloads.agents.substrate.policies import (
    FOLDER,
    beside,
    engine,
    restore,
    value_head,
)
from adabench.workloads.agents.substrate.policy_recipes import (
    AgentRecipe,
    ModeRecipe,
    PlanRecipe,
    PolicyRecipe,
    ValueRecipe,
    recipes,
)
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress


def train(
    name: str, progress: Progress = lambda done, steps: None, *, folder: Path = FOLDER
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    The policy of a value head, and the one that another goes on from, is read from `folder`.

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
        save_file(checkpoints.halves(head), folder / f"{name}{checkpoints.SUFFIX}")
        value_head.cache_clear()
        return _write_card(plan, (train_values,), dev, folder)
    if isinstance(plan, ModeRecipe):
        place = beside(plan.policy, folder)
        refuse_failures(plan.policy, place)
        start = restore(plan.policy, place)
        model = train_modes.train(plan, start, progress)
        weights = weight_differences.packed(model.state_dict(), start.state_dict())
    else:
        source = plan_expert.plan_traces if isinstance(plan, PlanRecipe) else traces
        model = train_policies.train(plan, progress, source)
        weights = checkpoints.halves(model.state_dict())
    save_file(weights, folder / f"{name}{checkpoints.SUFFIX}")
    restore.cache_clear()
    return write_policy_card(plan, folder)


def write_policy_card(plan: PolicyRecipe | ModeRecipe | PlanRecipe, folder: Path) -> dict[str, Any]:
    """Measure the figures of a policy's gates on its file, and write its card."""
    own = NativeEngine(restore(plan.name, folder), plan.name, vocabulary=ACTION_VOCABULARY)
    if isinstance(plan, PlanRecipe):
        found = plan_figures.figures(own)
        return _write_card(plan, (train_policies, plan_expert), found, folder)
    dev = gate_figures.figures(own)
    if isinstance(plan, ModeRecipe):
        return _write_card(plan, (train_modes,), dev | gate_figures.mode_shares(own), folder)
    return _write_card(plan, (train_policies,), dev, folder)


def _write_card(
    plan: AgentRecipe, training: tuple[ModuleType, ...], dev: dict[str, float], folder: Path
) -> dict[str, Any]:
    card = asdict(plan) | {"source": checkpoints.code_digest(*training), "dev": dev}
    (folder / f"{plan.name}.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card

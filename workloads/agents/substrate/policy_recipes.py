"""Every policy of the family by name, and how it is trained.

    adabench train agent-s-s0

Policies learn from traces of a scripted expert in worlds of the `train` split (`lookup/training/`). Steps,
never seconds: the result does not depend on how busy the machine is.
"""

from dataclasses import dataclass
from typing import ClassVar

from adabench.workloads.agents.substrate.action_words import VOCABULARY
from adabench.workloads.agents.substrate.policy_gates import GATES, PLAN_GATES, VALUE_GATES
from adabench.workloads.shared.language_model.model import BigramShape, Shape
from adabench.workloads.shared.training.recipe_card import Gate

TRAININGS = (0, 1, 2, 3, 4)
VALUES, PLANNER = "agent-value", "agent-plan"
ADAPTIVE, FLAT = "apo", "flat"
"""Roles of policies that learned to choose modes: with the adaptive reward, and without."""
AGENT_S = BigramShape(layers=2, width=64, heads=2, hidden=176, vocabulary=VOCABULARY)
AGENT_M = BigramShape(layers=3, width=128, heads=4, hidden=352, vocabulary=VOCABULARY)


@dataclass(frozen=True)
class PolicyRecipe:
    """What to train, from which seed."""

    name: str
    shape: Shape
    seed: int
    steps: int
    batch: int = 64
    rate: float = 2e-3
    forecast_s: int = 200
    gates: ClassVar[tuple[Gate, ...]] = GATES
    """What its figures must show."""


@dataclass(frozen=True)
class ValueRecipe:
    """Which policy's episodes to learn from, and how many of them."""

    name: str
    policy: str
    seed: int
    steps: int = 2000
    episodes: int = 12000
    forecast_s: int = 40
    gates: ClassVar[tuple[Gate, ...]] = VALUE_GATES


@dataclass(frozen=True)
class ModeRecipe:
    """A policy that goes on from another one and learns which mode a question needs."""

    name: str
    policy: str
    seed: int
    is_adaptive: bool
    """Whether modes are dear where a cheaper one would have done."""
    routed_steps: int = 100
    """On traces whose modes follow the size of the question, of `batch` each."""
    batch: int = 64
    routed_rate: float = 1e-3
    steps: int = 16
    """Updates, each on 32 questions of ten episodes."""
    rate: float = 5e-4
    forecast_s: int = 90
    gates: ClassVar[tuple[Gate, ...]] = GATES


@dataclass(frozen=True)
class PlanRecipe:
    """A planner: calls ahead with placeholders, and what to do with what came of them."""

    name: str
    shape: Shape
    seed: int
    steps: int
    batch: int = 64
    rate: float = 2e-3
    forecast_s: int = 110
    gates: ClassVar[tuple[Gate, ...]] = PLAN_GATES


AgentRecipe = PolicyRecipe | ValueRecipe | ModeRecipe | PlanRecipe


def policy_recipes() -> dict[str, PolicyRecipe]:
    """Return the recipes of policies by name; a name ends in its training seed."""
    made = [
        recipe
        for s in TRAININGS
        for recipe in (
            PolicyRecipe(f"agent-s-s{s}", AGENT_S, s, 1700),
            PolicyRecipe(f"agent-m-s{s}", AGENT_M, s, 1200, forecast_s=360),
        )
    ]
    return {recipe.name: recipe for recipe in made}


def value_recipes() -> dict[str, ValueRecipe]:
    """Return the recipes of value heads by name: one for each policy."""
    made = [
        ValueRecipe(value_name(name), name, plan.seed) for name, plan in policy_recipes().items()
    ]
    return {recipe.name: recipe for recipe in made}


def mode_recipes() -> dict[str, ModeRecipe]:
    """Return the recipes of policies that choose modes by name: two for each small policy."""
    made = [
        ModeRecipe(mode_name(f"agent-s-s{s}", role), f"agent-s-s{s}", s, role == ADAPTIVE)
        for s in TRAININGS
        for role in (ADAPTIVE, FLAT)
    ]
    return {recipe.name: recipe for recipe in made}


def plan_recipes() -> dict[str, PlanRecipe]:
    """Return the recipes of planners by name: one beside each small policy, of its size."""
    made = [PlanRecipe(plan_name(f"agent-s-s{s}"), AGENT_S, s, 600) for s in TRAININGS]
    return {recipe.name: recipe for recipe in made}


def plan_name(policy: str) -> str:
    """Return the name of the planner that stands beside a policy."""
    return f"{PLANNER}{policy.removeprefix('agent')}"


def mode_name(policy: str, role: str) -> str:
    """Return the name of what went on from a policy to choose modes."""
    return f"agent-{role}{policy.removeprefix('agent')}"


def value_name(policy: str) -> str:
    """Return the name of a policy's value head."""
    return f"{VALUES}{policy.removeprefix('agent')}"


def recipes() -> dict[str, AgentRecipe]:
    """Return every recipe by name."""
    return {**policy_recipes(), **value_recipes(), **mode_recipes(), **plan_recipes()}

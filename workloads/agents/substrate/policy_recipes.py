"""Every policy of the family by name, how it is trained, and the gates that it must pass before a task runs it.

    adabench train agent-s-s0

Policies learn from traces of a scripted expert in worlds of the `train` split (`lookup/training/`). Steps, never
seconds: the result does not depend on how busy the machine is. Gates are measured on the held-out split, on the file
as it is shipped. A policy that misses one is broken in a way that would look like a merit of some method: one that
cannot read its tools gains by any retry, and one that knows facts by heart needs no tools.
"""

from dataclasses import dataclass
from typing import ClassVar

from adabench.workloads.agents.substrate.action_words import VOCABULARY
from adabench.workloads.shared.language_model.model import BigramShape, Shape
from adabench.workloads.shared.training.recipe_card import Gate

PER_GATE = 300
"""Questions that each figure rests on."""


GATES = (
    Gate("kb_dir", "facts are not known by heart: answers to `kb` without a tool", high=0.02),
    Gate("kb_cot", "facts are not known by heart: chains on `kb` without a tool", high=0.02),
    Gate("kb_act_clean_2", "two hops where nothing is to be chosen and nothing fails", low=0.95),
    Gate("kb_act_clean_3", "three hops where nothing is to be chosen and nothing fails", low=0.95),
    Gate("kb_act_clean_4", "four hops where nothing is to be chosen and nothing fails", low=0.95),
    Gate("kb_act_3", "three hops, greedy: neither broken nor solved", low=0.40, high=0.65),
    Gate("kb_gain_8", "what the best of eight samples gains over one", low=0.25),
    Gate("binding", "the next call takes the row that was named", low=0.95),
    Gate("hint_binding", "the row that a hint names is taken", low=0.95),
    Gate("critic_auc", "the critic ranks right answers above wrong ones", low=0.85),
    Gate("arith_cot_4", "four operations in a chain", low=0.90),
    Gate("arith_dir_2", "two operations at once are too many", high=0.30),
    Gate("all_down", "failure is declared where no tool works", low=0.95),
)

VALUE_GATES = (
    Gate("value_auc", "values behind steps rank episodes that end well above others", low=0.70),
)
"""Of a value head."""

ADAPTER_GATES = (
    Gate("lead", "by other questions' odds the mode that is right is found less often", low=0.02),
)
"""Of an adapter."""

PLAN_GATES = (
    Gate("sound", "the first plan is the one that the question asks for", low=0.95),
    *(
        Gate(f"kb_clean_{n}", f"{n} hops where nothing is to be chosen and nothing fails", low=0.95)
        for n in (2, 3, 4)
    ),
    Gate("kb_3", "three hops: neither broken nor solved", low=0.40, high=0.65),
    Gate("arith_clean_4", "four operations where nothing fails", low=0.95),
    Gate("kb_faults_3", "three hops, nothing to be chosen: what fails is planned again", low=0.85),
    Gate("all_down", "failure is declared where no tool works", low=0.95),
)
"""Of a planner."""


TRAININGS = (0, 1, 2, 3, 4)
SHIPPED = (0, 1, 2)
"""Trainings of the small policy that ship."""
VALUES, PLANNER, ADAPTER = "agent-value", "agent-plan", "prism"
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


@dataclass(frozen=True)
class AdapterRecipe:
    """Of which policies' modes to learn which question each suits, and from how many questions."""

    name: str
    seed: int
    policies: tuple[str, ...]
    questions: int = 3000
    """Each is answered once in each mode, by each policy."""
    steps: int = 600
    forecast_s: int = 60
    gates: ClassVar[tuple[Gate, ...]] = ADAPTER_GATES


AgentRecipe = PolicyRecipe | ValueRecipe | ModeRecipe | PlanRecipe | AdapterRecipe


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


def adapter_recipes() -> dict[str, AdapterRecipe]:
    """Return the recipes of PRISM's adapters by name: each has a training stream of its own, and every policy that ships."""
    names = tuple(f"agent-s-s{s}" for s in SHIPPED)
    made = [AdapterRecipe(f"{ADAPTER}-s{s}", s, names) for s in TRAININGS]
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
    found: dict[str, AgentRecipe] = {**policy_recipes(), **value_recipes(), **mode_recipes()}
    return found | plan_recipes() | adapter_recipes()

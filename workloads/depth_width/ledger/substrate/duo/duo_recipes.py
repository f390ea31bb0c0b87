"""The recipes of Duo-LLM: a model that was trained under random routing, and routers for it.

adabench train duo-s0
adabench train duo-router-2-s0
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adabench.workloads.depth_width.substrate.backbone import Shape

STEPS = 3000
"""Three times those of the other from-scratch methods (`train_modules.py` says why)."""
ROUTER_STEPS = 600
BUDGETS = (1, 2)
"""Big modules a position may run on average, of six."""


@dataclass(frozen=True)
class RandomlyRouted:
    """A model whose modules were trained under random routing (stage 1), from which seed."""

    name: str
    shape: Shape
    seed: int
    steps: int = STEPS
    forecast_s: int = 300


@dataclass(frozen=True)
class Routing:
    """Routers for such a model, which stays as it is (stage 3), from which seed."""

    name: str
    base: str
    """The recipe of the model."""
    seed: int
    budget: float
    """Big modules a position is to run on average."""
    steps: int = ROUTER_STEPS
    forecast_s: int = 80


def table(seeds: Sequence[int]) -> dict[str, RandomlyRouted | Routing]:
    """Return the recipes by name."""
    found: list[RandomlyRouted | Routing] = []
    for seed in seeds:
        base = RandomlyRouted(f"duo-s{seed}", Shape(6), seed)
        found.append(base)
        found += [Routing(f"duo-router-{b}-s{seed}", base.name, seed, b) for b in BUDGETS]
    return {plan.name: plan for plan in found}

"""Every checkpoint of the ledger by name, and how it is trained.

    adabench train mor-expert-thirds-recursion-s0

All recipes share optimiser, data, auxiliary head and the number of steps, so that a
difference between two methods is not a difference in training. Steps, never seconds: the
result does not depend on how busy the machine is.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from adabench.workloads.depth_width.ledger.substrate.duo import duo_recipes
from adabench.workloads.depth_width.ledger.substrate.duo.duo_recipes import RandomlyRouted, Routing
from adabench.workloads.depth_width.ledger_affine import recipes as ffn_recipes
from adabench.workloads.depth_width.ledger_affine.recipes import Looping
from adabench.workloads.depth_width.ledger_cot import recipes as cot_recipes
from adabench.workloads.depth_width.ledger_cot.recipes import Shortening, Speaking, Thinking
from adabench.workloads.depth_width.pretrained.recipes import RealRetrofit, Weights, real_recipes
from adabench.workloads.depth_width.pretrained.substrate.path_recipes import (
    RealPathfinding,
    real_path_recipes,
)
from adabench.workloads.depth_width.pretrained.substrate.width_recipes import (
    RealWidths,
    real_width_recipes,
)
from adabench.workloads.depth_width.substrate.backbone import Shape

SEEDS = (0, 1, 2)
STEPS = 1000

CAPACITIES: dict[str, tuple[float, ...]] = {
    "thirds": (1.0, 2 / 3, 1 / 3),
    "halves": (1.0, 1 / 2, 1 / 4),
}
"""Share of the positions that each recursion may keep: the paper's rule, and a leaner one."""


@dataclass(frozen=True)
class Recipe:
    """What to train, from which seed."""

    name: str
    shape: Shape
    seed: int
    loss: Literal["last", "exits", "expert", "token"] = "last"
    """`exits` reads the head at every layer; `expert` and `token` train a router."""
    capacities: tuple[float, ...] = ()
    steps: int = STEPS
    forecast_s: int = 120
    """CPU seconds on one core of a 2020s server."""


@dataclass(frozen=True)
class Retrofit:
    """Parts to be trained on a frozen backbone (`routers_and_forecasters.py`), from which seed."""

    name: str
    base: str
    """The backbone's recipe."""
    seed: int
    kind: Literal["informed", "blind", "greedy", "tuned", "static"]
    sparsity: float
    """Share of the unit executions that are to be replaced."""
    rank: int = 8
    steps: int = 200
    forecast_s: int = 35


@dataclass(frozen=True)
class Widths:
    """Granular modules in place of a backbone's MLPs (`train_learners.py`), from which seed."""

    name: str
    base: str
    """The backbone's recipe."""
    seed: int
    kind: Literal["learners", "acm", "static"]
    """`learners` are distilled from the backbone; the others are tuned from those."""
    target: float = 0.0
    """`acm`: share of the learners to run; `static`: learners that everybody runs."""
    steps: int = 1000
    forecast_s: int = 130

    @property
    def learners(self) -> str:
        """The recipe that this one goes on from."""
        return f"learners-s{self.seed}"


@dataclass(frozen=True)
class Asking:
    """A backbone for questions (`train_questions.py`), from which seed."""

    name: str
    start: str
    """The stream's backbone that it goes on from."""
    shape: Shape
    seed: int
    steps: int = STEPS
    forecast_s: int = 110


@dataclass(frozen=True)
class Pathfinding:
    """Routers taught by searched paths on a frozen backbone (`path_routers.py`), from which seed."""

    name: str
    base: str
    """The recipe of the backbone for questions."""
    seed: int
    questions: int = 600
    simulations: int = 50
    looks: int = 6
    """Siblings, the question included, on which a path has to be right to be taught."""
    menu: int = 4
    """Labels are taken from so many common paths."""
    more: int = 1800
    """Questions that are labelled from the menu without a search."""
    repaired: float = 0.3
    """Share of a batch that the model with all layers gets wrong, as in the paper."""
    epochs: int = 25
    forecast_s: int = 90

    @property
    def steps(self) -> int:
        """Return the passes over the taught questions."""
        return self.epochs


_recursive = partial(Shape, layers=4, recursions=3)


def _table() -> dict[str, Recipe]:
    found: list[Recipe] = []
    for seed in SEEDS:
        found += [
            Recipe(f"vanilla-{n}-s{seed}", Shape(n), seed, forecast_s=18 * n) for n in (2, 3, 4, 6)
        ]
        found.append(Recipe(f"recursive-s{seed}", _recursive(), seed, forecast_s=150))
        found.append(Recipe(f"early-exit-s{seed}", Shape(6), seed, loss="exits", forecast_s=160))
        for kv in ("recursion", "shared"):
            shape = _recursive(router="expert", gate=0.1, kv=kv)
            for preset, capacities in CAPACITIES.items():
                if kv == "recursion" or preset == "thirds":
                    name = f"mor-expert-{preset}-{kv}-s{seed}"
                    found.append(Recipe(name, shape, seed, "expert", capacities))
        shape = _recursive(router="token")
        found.append(Recipe(f"mor-token-recursion-s{seed}", shape, seed, "token"))
    return {recipe.name: recipe for recipe in found}


Plan = (
    Recipe
    | Retrofit
    | Widths
    | Asking
    | Pathfinding
    | RandomlyRouted
    | Routing
    | Looping
    | Speaking
    | Thinking
    | Shortening
    | Weights
    | RealRetrofit
    | RealWidths
    | RealPathfinding
)


def recipes() -> dict[str, Plan]:
    """Return every recipe by name; a name ends in its training seed."""
    return {
        **_table(),
        **_retrofits(),
        **_widths(),
        **_asking(),
        **duo_recipes.table(SEEDS),
        **ffn_recipes.table(SEEDS),
        **cot_recipes.table(SEEDS),
        **real_recipes(),
        **real_width_recipes(),
        **real_path_recipes(),
    }


SPARSITIES = (0.45, 0.6, 0.75)


def _retrofits() -> dict[str, Retrofit]:
    found: list[Retrofit] = []
    for seed in SEEDS:
        base = f"vanilla-6-s{seed}"
        for sparsity in SPARSITIES:
            percent = round(100 * sparsity)
            found += [
                Retrofit(f"informed-{percent}-s{seed}", base, seed, "informed", sparsity),
                Retrofit(f"greedy-{percent}-s{seed}", base, seed, "greedy", sparsity),
            ]
        found.append(Retrofit(f"static-fitted-60-s{seed}", base, seed, "static", 0.6))
        hardest = SPARSITIES[-1]
        found += [
            Retrofit(f"blind-75-s{seed}", base, seed, "blind", hardest),
            Retrofit(f"tuned-75-s{seed}", base, seed, "tuned", hardest, steps=400, forecast_s=75),
        ]
    return {plan.name: plan for plan in found}


LOADS = (0.25, 0.4, 0.75)
"""Targets of the share of the learners that run."""
STATICS = (1, 2)
"""Learners that everybody runs."""


def _widths() -> dict[str, Widths]:
    found: list[Widths] = []
    for seed in SEEDS:
        base = f"vanilla-6-s{seed}"
        found.append(Widths(f"learners-s{seed}", base, seed, "learners", steps=400, forecast_s=65))
        found += [Widths(f"acm-{round(100 * b)}-s{seed}", base, seed, "acm", b) for b in LOADS]
        found += [Widths(f"static-{n}-s{seed}", base, seed, "static", n) for n in STATICS]
    return {plan.name: plan for plan in found}


def _asking() -> dict[str, Asking | Pathfinding]:
    found: list[Asking | Pathfinding] = []
    for seed in SEEDS:
        base = f"qa-6-s{seed}"
        found += [
            Asking(base, f"vanilla-6-s{seed}", Shape(6), seed),
            Pathfinding(f"dr-llm-s{seed}", base, seed),
        ]
    return {plan.name: plan for plan in found}

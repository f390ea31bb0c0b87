"""Every checkpoint of the stream by name, and how it is trained.

    adabench train mor-expert-thirds-recursion-s1

Recipes of backbones share optimiser, data, auxiliary head and the number of steps, so that a difference
between two methods is none in training. A name ends in its training seed.
"""

from functools import cache, partial

from adabench.workloads.depth_width.ledger.methods.duo_llm.train_modules import (
    ModuleRouters,
    ModulesRecipe,
)
from adabench.workloads.depth_width.methods.acm import train_learners
from adabench.workloads.depth_width.methods.acm.train_learners import WidthRecipe
from adabench.workloads.depth_width.methods.informed_routing import train_routers
from adabench.workloads.depth_width.methods.informed_routing.train_routers import RetrofitRecipe
from adabench.workloads.depth_width.methods.static_units.static_thinning import ThinningRecipe
from adabench.workloads.depth_width.substrate.backbone import Shape
from adabench.workloads.depth_width.substrate.checkpoints import Recipe
from adabench.workloads.depth_width.substrate.recursion_routing import CAPACITIES
from adabench.workloads.depth_width.substrate.train_backbone import (
    FINE,
    FOLDER,
    SATURATED,
    STEADY,
    SURE,
    BackboneRecipe,
    plain_backbone,
)
from adabench.workloads.depth_width.substrate.trained.checkpoint_homes import TRAININGS, at_home
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Kind

SPARSITIES = (0.45, 0.6, 0.75)
LOADS = (0.25, 0.4, 0.75)
"""Targets of the share of the learners that run."""
STATICS = (1, 2)
"""Learners that everybody runs."""
BUDGETS = (1, 2)
"""Big modules a position may run on average, of six."""

_PARTS = 95
"""Int8 steps of forecasters beside a frozen backbone."""

_recursive = partial(Shape, layers=4, recursions=3)


@cache
def recipes() -> dict[str, Recipe]:
    """Return every recipe by name."""
    found: list[Recipe] = []
    for seed in TRAININGS:
        vanilla = plain_backbone(6, seed)
        found += [
            plain_backbone(2, seed),
            plain_backbone(3, seed),
            plain_backbone(4, seed),
            vanilla,
        ]
        found += [*_recursions(seed), *_retrofits(vanilla), *_widths(vanilla), *_duo(seed)]
    return {recipe.name: at_home(recipe) for recipe in found}


def _recursions(seed: int) -> list[Recipe]:
    """Return models that run layers again, or let positions leave."""
    recipe = partial(BackboneRecipe, seed=seed, home=FOLDER)
    found: list[Recipe] = [
        recipe(f"recursive-s{seed}", _recursive(), forecast_s=150, levels=SATURATED),
        recipe(f"early-exit-s{seed}", Shape(6), loss="exits", forecast_s=160, levels=FINE),
    ]
    for kv in ("recursion", "shared"):
        shape = _recursive(router="expert", gate=0.1, kv=kv)
        for preset, capacities in CAPACITIES.items():
            if kv == "recursion" or preset == "thirds":
                name = f"mor-expert-{preset}-{kv}-s{seed}"
                found.append(
                    recipe(name, shape, loss="expert", capacities=capacities, levels=STEADY)
                )
    shape = _recursive(router="expert", gate=0.1)
    for preset, capacities in CAPACITIES.items():
        name = f"mor-coins-{preset}-recursion-s{seed}"
        found.append(recipe(name, shape, loss="coins", capacities=capacities, levels=STEADY))
    shape, name = _recursive(router="token"), f"mor-token-recursion-s{seed}"
    return [*found, recipe(name, shape, loss="token", levels=STEADY)]


def _retrofits(base: BackboneRecipe) -> list[Recipe]:
    """Return routers and forecasts on a frozen backbone."""
    seed, hardest = base.seed, SPARSITIES[-1]
    kinds: tuple[Kind, ...] = ("informed", "greedy")
    found: list[Recipe] = [
        RetrofitRecipe(
            f"{kind}-{round(100 * share)}-s{seed}", base, seed, FOLDER, kind, share, levels=_PARTS
        )
        for kind in kinds
        for share in SPARSITIES
    ]
    coins = [
        train_routers.CoinsRecipe(
            f"unit-coins-{round(100 * one.sparsity)}-s{seed}",
            base, seed, FOLDER, "coins", one.sparsity, levels=_PARTS, like=one,
        )
        for one in found
        if isinstance(one, RetrofitRecipe) and one.kind == "informed"
    ]  # fmt: skip
    return [
        *found,
        *coins,
        RetrofitRecipe(f"blind-75-s{seed}", base, seed, FOLDER, "blind", hardest, levels=_PARTS),
        RetrofitRecipe(
            f"tuned-75-s{seed}", base, seed, FOLDER, "tuned", hardest, steps=400, forecast_s=75
        ),
        ThinningRecipe(f"static-fitted-60-s{seed}", base, seed, FOLDER, 0.6),
    ]


def _widths(base: BackboneRecipe) -> list[Recipe]:
    """Return granular modules in the place of a backbone's MLPs."""
    seed = base.seed
    learners = WidthRecipe(
        f"learners-s{seed}", base, seed, FOLDER, "learners", steps=400, forecast_s=65
    )
    tuned = partial(WidthRecipe, base=base, seed=seed, home=FOLDER, start=learners)
    gated = [
        tuned(f"acm-{round(100 * load)}-s{seed}", kind="acm", target=load, levels=STEADY)
        for load in LOADS
    ]
    coins = [
        train_learners.CoinsRecipe(
            f"width-coins-{round(100 * one.target)}-s{seed}",
            base, seed, FOLDER, "coins", learners, one.target, levels=STEADY, like=one,
        )
        for one in gated
    ]  # fmt: skip
    return [
        learners,
        *gated,
        *coins,
        *(tuned(f"static-{n}-s{seed}", kind="static", target=n, levels=SURE) for n in STATICS),
    ]


def _duo(seed: int) -> list[Recipe]:
    """Return a model with big and small modules, and routers for it."""
    base = ModulesRecipe(f"duo-s{seed}", Shape(6), seed, FOLDER)
    routers = (
        ModuleRouters(f"duo-router-{budget}-s{seed}", base, seed, budget, FOLDER)
        for budget in BUDGETS
    )
    return [base, *routers]

"""Every checkpoint of the ledger by name, and how it is trained.

    adabench train mor-expert-thirds-recursion-s0

All recipes share optimiser, data, auxiliary head and the number of steps, so that a
difference between two methods is not a difference in training. Steps, never seconds: the
result does not depend on how busy the machine is.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from adabench.workloads.ledger.model import Shape

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


def recipes() -> dict[str, Recipe]:
    """Return every recipe by name; a name ends in its training seed."""
    return _table()

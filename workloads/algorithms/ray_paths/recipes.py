"""Every checkpoint of the ray-path task by name, and how it is trained.

A checkpoint is a network for one number of reflections and one training seed: `k2-own-s0` as in the paper, from
what the sampler itself hits upon, `k2-s0` from paths that a search found. Steps, never seconds: the result does
not depend on how busy the machine is.
"""

from dataclasses import dataclass
from typing import Literal

OWN: dict[int, int] = {1: 1, 2: 2}
"""Trainings by the sampler's own draws that are shipped, by number of reflections; a run uses its seed
modulo this."""
SHIPPED: dict[int, int] = {1: 1, 2: 3, 3: 1}
"""The same of trainings that are taught by a search."""


@dataclass(frozen=True)
class Recipe:
    """What to train, from which seed."""

    name: str
    order: int
    seed: int
    steps: int
    scenes: int = 16
    """Fresh scenes a step; as many again from the replay buffer."""
    states: int = 4
    """Beginnings that are drawn in each scene; with `likelihood`, its known paths in a step."""
    ends: int = 16
    """Last objects that are drawn for each beginning: 64 trajectories a scene."""
    rate: float = 1.5e-3
    explore: float = 0.1
    replay: float = 0.5
    mask: bool = True
    searched: int = 16
    """Scenes a step whose paths are looked up for the replay buffer, if a search fills it."""
    buffer: Literal["search", "own"] = "search"
    """Who finds the paths to be replayed: an exhaustive search, or the sampler by its own draws."""
    loss: str = "flows"
    """`flows` (`train_flow_matching.py`) or `likelihood` (`train_likelihood.py`)."""
    forecast_s: int = 600


def recipes() -> dict[str, Recipe]:
    """Return every recipe by name; a name ends in its training seed."""
    table = [Recipe(f"k1-s{seed}", 1, seed, 600, forecast_s=60) for seed in range(5)]
    table += [Recipe(f"k2-s{seed}", 2, seed, 3400, forecast_s=300) for seed in range(5)]
    table += [
        Recipe(
            f"k3-s{seed}", 3, seed, 9000, states=2, ends=1, explore=0.0, replay=1.0, searched=3,
            loss="likelihood", forecast_s=300,
        )
        for seed in range(5)
    ]  # fmt: skip
    table += [Recipe(f"k3-flows-s{seed}", 3, seed, 4000, searched=3) for seed in range(1)]
    table += [
        Recipe(f"k{order}-own-s{seed}", order, seed, steps, buffer="own", forecast_s=forecast_s)
        for order, steps, forecast_s in ((1, 600, 60), (2, 3400, 300), (3, 9000, 900))
        for seed in range(5)
    ]
    table += [
        Recipe("k2-own-noexplore-s0", 2, 0, 3400, explore=0.0, buffer="own"),
        Recipe("k2-own-nomask-s0", 2, 0, 3400, mask=False, buffer="own"),
        Recipe("k3-noreplay-s0", 3, 0, 4000, replay=0.0),
        Recipe("k2-noreplay-s0", 2, 0, 3400, replay=0.0),
        Recipe("k2-noexplore-s0", 2, 0, 3400, explore=0.0),
        Recipe("k2-nomask-s0", 2, 0, 3400, mask=False),
    ]
    return {recipe.name: recipe for recipe in table}

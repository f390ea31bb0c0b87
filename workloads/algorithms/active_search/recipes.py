"""Every checkpoint of the active-search task by name, and how it is trained.

One checkpoint holds all policies of a training seed: a specialist for each class, the robust policy with their
losses as offsets, and the policy trained under a prior; of a hunt the last two. Updates, never seconds: the
result does not depend on how busy the machine is.
"""

from dataclasses import dataclass
from typing import Literal

SEEDS = 25
"""Training seeds, of which five ship; of those that are there, a run takes seed modulo their number."""

HYPOTHESIS_SEEDS = 5


@dataclass(frozen=True)
class Recipe:
    """What to train, from which seed."""

    name: str
    seed: int
    shared: int = 300
    """Updates of the common start, on the middle class."""
    own: int = 1000
    """Further updates of each specialist and of the robust policy, alike."""
    rate: float = 3e-3
    forecast_s: int = 80

    @property
    def steps(self) -> int:
        """Return the updates in all: the start, five specialists, the robust one, the prior's."""
        return self.shared + 6 * self.own + (self.shared + self.own)


@dataclass(frozen=True)
class HypothesisRecipe:
    """The same for a hunt: a robust policy and one trained evenly, with as many updates."""

    name: str
    seed: int
    problem: Literal["thresholds", "questions"]
    updates: int = 800
    rate: float = 3e-3
    forecast_s: int = 50

    @property
    def steps(self) -> int:
        """Return the updates in all."""
        return 2 * self.updates


def recipes() -> dict[str, Recipe | HypothesisRecipe]:
    """Return every recipe by name; a name ends in its training seed."""
    found: dict[str, Recipe | HypothesisRecipe] = {
        f"policies-s{seed}": Recipe(f"policies-s{seed}", seed) for seed in range(SEEDS)
    }
    problems: tuple[Literal["thresholds", "questions"], ...] = ("questions", "thresholds")
    for problem in problems:
        for seed in range(HYPOTHESIS_SEEDS):
            name = f"{problem}-s{seed}"
            found[name] = HypothesisRecipe(name, seed, problem)
    return found

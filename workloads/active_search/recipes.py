"""Every checkpoint of the active-search task by name, and how it is trained.

    adabench train policies-s0

One checkpoint holds all policies of a training seed: a specialist for each class, the robust
policy with their losses as offsets, and the policy trained under a prior. Updates, never seconds:
the result does not depend on how busy the machine is.
"""

from dataclasses import dataclass

SEEDS = 5
"""Training seeds; of those that are there, a run takes seed modulo their number."""


@dataclass(frozen=True)
class Recipe:
    """What to train, from which seed."""

    name: str
    seed: int
    shared: int = 80
    """Updates of the common start, on the middle class."""
    own: int = 150
    """Further updates of each specialist and of the robust policy, alike."""
    rate: float = 5e-3
    forecast_s: int = 70

    @property
    def steps(self) -> int:
        """Return the updates in all: the start, five specialists, the robust one, the prior's."""
        return self.shared + 6 * self.own + (self.shared + self.own)


def recipes() -> dict[str, Recipe]:
    """Return every recipe by name; a name ends in its training seed."""
    return {f"policies-s{seed}": Recipe(f"policies-s{seed}", seed) for seed in range(SEEDS)}

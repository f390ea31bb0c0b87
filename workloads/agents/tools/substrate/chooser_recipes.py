"""Every chooser of this task by name, and how it is trained.

    adabench train tools/chooser-s0

A chooser is a small language model that names the next tool. It learns from an expert's walks on random graphs
(`training/`). Steps, never seconds: the result does not depend on how busy the machine is.
"""

from dataclasses import dataclass

from adabench.workloads.agents.tools.substrate.choice_words import VOCABULARY
from adabench.workloads.shared.language_model.model import BigramShape

TRAININGS = (0, 1, 2, 3, 4)
CHOOSER = BigramShape(layers=2, width=64, heads=2, hidden=176, vocabulary=VOCABULARY)


@dataclass(frozen=True)
class ChooserRecipe:
    """What to train, from which seed."""

    name: str
    seed: int
    shape: BigramShape = CHOOSER
    steps: int = 800
    batch: int = 64
    rate: float = 2e-3
    forecast_s: int = 80


def recipes() -> dict[str, ChooserRecipe]:
    """Return every recipe by name; a name ends in its training seed."""
    found = [ChooserRecipe(f"chooser-s{seed}", seed) for seed in TRAININGS]
    return {recipe.name: recipe for recipe in found}

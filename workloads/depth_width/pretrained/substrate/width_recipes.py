"""Granular MLPs for SmolLM2, by name: what scale `real` has of adaptive computation modules.

    adabench train real-acm              # gates, and what stands in for learners that do not run
    adabench train real-width-3          # three learners of four for everybody, with the same steps

About five CPU minutes each where bfloat16 is multiplied natively.
"""

from dataclasses import dataclass
from typing import Literal

RANK = 48
STEPS = 24


@dataclass(frozen=True)
class RealWidths:
    """What is to be fitted beside the frozen MLPs of SmolLM2 (`width_fit.py`)."""

    name: str
    kind: Literal["gates", "static"]
    target: float
    """Share of the learners that gates aim at, or how many everybody runs."""
    seed: int = 0
    rank: int = RANK
    steps: int = STEPS
    forecast_s: int = 300


def real_width_recipes() -> dict[str, RealWidths]:
    """Return the recipes by name; one training serves all run seeds, which draw other text."""
    found = [RealWidths("real-acm", "gates", 0.75), RealWidths("real-width-3", "static", 3.0)]
    return {plan.name: plan for plan in found}

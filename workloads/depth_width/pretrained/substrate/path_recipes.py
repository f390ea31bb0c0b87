"""Routers of paths for SmolLM2, by name: what scale `real` has of Dr.LLM.

    adabench train real-dr-llm           # labels from a search, routers, static paths as rivals

About six CPU minutes where bfloat16 is multiplied natively, nearly all of it the labels.
"""

from dataclasses import dataclass

PROMPT = 64
"""Words of a window that decide its path; the rest is scored."""


@dataclass(frozen=True)
class RealPathfinding:
    """What is to be searched and taught (`window_path_search.py`, `path_routers.py`)."""

    name: str
    layers: float
    """Mean length that labels aim at: 0.9 of 30 layers, the card's criterion 1."""
    seed: int = 0
    searched: int = 8
    """Windows that paths are searched on."""
    looked: int = 24
    """Windows of the second look, where the static paths and the menu are chosen."""
    labelled: int = 400
    settled: int = 48
    """Prompts that routers are leant to the mean length on."""
    judged: int = 32
    """Windows that figures of the card are noted on, and nothing else."""
    words: int = 128
    """Of a window while it is searched: the prompt and as many again."""
    menu: int = 6
    """Labels are taken from so many common paths."""
    epochs: int = 25
    forecast_s: int = 360

    @property
    def steps(self) -> int:
        """Return the passes over the labelled windows."""
        return self.epochs


def real_path_recipes() -> dict[str, RealPathfinding]:
    """Return the recipes by name; one training serves all run seeds, which draw other text."""
    found = [RealPathfinding("real-dr-llm", 27.0)]
    return {plan.name: plan for plan in found}

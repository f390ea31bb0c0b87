"""What is fitted to SmolLM2, by name, and how: plans that say nothing of how a file is made.

One training serves all run seeds, which draw other text.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parents[1] / "checkpoints"
"""Where what is shipped lies."""
UNIT_RANK, UNIT_STEPS = 32, 40
WIDTH_RANK, WIDTH_STEPS = 48, 24
PROMPT = 64
"""Words of a window that decide its path; the rest is scored."""


@dataclass(frozen=True)
class RealRetrofit:
    """Parts to be fitted to SmolLM2 (`closed_form_fit.py`, `refine.py`, `early_exits.py`)."""

    name: str
    kind: Literal["informed", "blind", "greedy", "static", "exits"]
    sparsity: float
    """Share of the unit executions that are to be replaced; of exits nothing is asked."""
    order: Literal["", "fitted", "uniform", "late"] = ""
    """Of a static model: which units go."""
    after: tuple[int, ...] = ()
    """Of exits: how many layers have run where one stands."""
    seed: int = 0
    rank: int = UNIT_RANK
    steps: int = UNIT_STEPS
    forecast_s: int = 310


@dataclass(frozen=True)
class RealWidths:
    """What is to be fitted beside the frozen MLPs of SmolLM2 (`width_fit.py`)."""

    name: str
    kind: Literal["gates", "static"]
    target: float
    """Share of the learners that gates aim at, or how many everybody runs."""
    seed: int = 0
    rank: int = WIDTH_RANK
    steps: int = WIDTH_STEPS
    forecast_s: int = 300


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


def real_recipes() -> dict[str, RealRetrofit]:
    """Return the recipes by name; one training serves all run seeds, which draw other text."""
    found = [
        RealRetrofit("real-informed", "informed", 0.15),
        RealRetrofit("real-greedy", "greedy", 0.15),
        RealRetrofit("real-exits", "exits", 0.0, after=(18, 21, 24, 27)),
    ]
    found += [
        RealRetrofit(f"real-static-fitted-{percent}", "static", percent / 100, "fitted")
        for percent in (10, 15, 20)
    ]
    found += [
        RealRetrofit("real-static-uniform-15", "static", 0.15, "uniform"),
        RealRetrofit("real-static-late-15", "static", 0.15, "late"),
    ]
    return {plan.name: plan for plan in found}


def real_width_recipes() -> dict[str, RealWidths]:
    """Return the recipes by name; one training serves all run seeds, which draw other text."""
    found = [RealWidths("real-acm", "gates", 0.75), RealWidths("real-width-3", "static", 3.0)]
    return {plan.name: plan for plan in found}


def real_path_recipes() -> dict[str, RealPathfinding]:
    """Return the recipes by name; one training serves all run seeds, which draw other text."""
    found = [RealPathfinding("real-dr-llm", 27.0)]
    return {plan.name: plan for plan in found}

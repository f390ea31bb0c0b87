"""Every checkpoint of the adapters task by name, and how it is trained.

    adabench train mhr-s0

The base learns both orders and notations by plain words. An adapter then learns the 48 training tasks
beside the frozen base; a name ends in its training seed. `-900` is twice as long, `-hidden` learns
without instruction words, and `-seconds` ends by the processor's time in place of steps. `mhr-mu` goes
on from the mean of `mhr`. What is not shipped is made into the user's cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

TRAININGS = 5
"""Training seeds; a run takes those that are there in turn."""
KINDS = (
    "lora-4", "lora-32", "lora-36", "poly", "mhr", "mhr-shuffled", "mola", "mola-layered",
    "mola-random", "dynmole", "dynmole-plain", "soft",
)  # fmt: skip
SHAPES = ("poly-k4", "mhr-h2", "mhr-h4", "mhr-k4", "mhr-h2-k4", "mhr-h4-k4")
"""Inventories of other heads and skills than eight; of the default conditions alone."""
BASE_STEPS = 1500
STEPS, LONGER = 450, 900
SECONDS = 9.0
"""Of the processor, for a pre-training under `budget=seconds`."""
MU_STEPS = 50
GRID_SEED = 90
"""A training that no run uses: rates of pre-training are tuned on it."""
RATED = ("lora-4", "lora-32", "poly", "mhr", "mola", "dynmole")
"""Kinds whose rate of pre-training is tuned; others take that of the one that they are a form of."""
RATED_STARTS = ("fresh", "lora-4", "lora-32", "poly", "mhr", "mhr-z", "mhr-mu", "mola", "dynmole")
"""The same of few-shot adaptation."""
RATES, START_RATES = "rates-", "few-shot-rates-"
"""How recipes begin that score a kind of adapter at three learning rates."""


@dataclass(frozen=True)
class Recipe:
    """What to train, from which seed."""

    name: str
    kind: str
    """`base`, `mhr-mu`, a kind of adapter, or a grid of rates (then its name)."""
    seed: int
    steps: int
    naming: str = "named"
    seconds: float = 0.0
    """Of the processor; where it is not 0 they end the training."""
    trunk: str = ""
    """What it goes on from."""
    levels: int = 31
    """Whole-number steps of the file, either way; 0 for half precision."""
    forecast_s: int = 20


@cache
def recipes() -> dict[str, Recipe]:
    """Return every recipe by name."""
    base = Recipe("base", "base", 0, BASE_STEPS, levels=0, forecast_s=20)
    made = [recipe for seed in range(TRAININGS) for recipe in _of_seed(seed)]
    grids = [RATES + kind for kind in RATED] + [START_RATES + kind for kind in RATED_STARTS]
    rates = [Recipe(name, name, GRID_SEED, 3, levels=0, forecast_s=40) for name in grids]
    return {recipe.name: recipe for recipe in (base, *rates, *made)}


def _of_seed(s: int) -> Iterator[Recipe]:
    for kind in KINDS:
        yield Recipe(f"{kind}-s{s}", kind, s, STEPS)
        yield Recipe(f"{kind}-{LONGER}-s{s}", kind, s, LONGER, forecast_s=40)
        yield Recipe(f"{kind}-hidden-s{s}", kind, s, STEPS, naming="hidden")
        yield Recipe(f"{kind}-seconds-s{s}", kind, s, STEPS, seconds=SECONDS)
    for kind in SHAPES:
        yield Recipe(f"{kind}-s{s}", kind, s, STEPS)
    for ending in ("", f"-{LONGER}", "-hidden"):
        naming = "hidden" if ending == "-hidden" else "named"
        yield Recipe(
            f"mhr-mu{ending}-s{s}", "mhr-mu", s, MU_STEPS, naming, trunk=f"mhr{ending}-s{s}",
            forecast_s=5,
        )  # fmt: skip

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

TRAININGS = 40
"""Training seeds, of which five ship; a run takes those that are there in turn."""
KINDS = (
    "lora-4", "lora-32", "lora-36", "poly", "mhr", "mhr-shuffled", "mola", "mola-layered",
    "mola-random", "dynmole", "dynmole-plain", "soft",
)  # fmt: skip
FINE = ("lora-4", "mhr-mu", "mola")
"""Kinds that answer less with as few levels as the others: few numbers, or a choice of two experts."""
SHAPES = ("poly-k4", "mhr-h2", "mhr-h4", "mhr-k4", "mhr-h2-k4", "mhr-h4-k4")
"""Inventories of other heads and skills than eight; of the default conditions alone."""
BASE_STEPS = 1500
STEPS, LONGER = 450, 900
SECONDS = 9.0
"""Of the processor, for a pre-training under `budget=seconds`."""
MU_STEPS = 50
CONDITIONS = (
    ("", STEPS, "named", 0.0), (f"-{LONGER}", LONGER, "named", 0.0),
    ("-hidden", STEPS, "hidden", 0.0), ("-seconds", STEPS, "named", SECONDS),
)  # fmt: skip
"""Endings of names, steps, naming and processor seconds of trainings of a kind."""
GRID_SEED = 90
"""A training that no run uses: rates of pre-training are tuned on it."""
RATED = ("lora-4", "lora-32", "poly", "mhr", "mola", "dynmole")
"""Kinds whose rate of pre-training is tuned; others take that of the one that they are a form of."""
RATED_STARTS = ("fresh", "lora-4", "lora-32", "poly", "mhr", "mhr-z", "mhr-mu", "mola", "dynmole")
"""The same of few-shot adaptation."""
RATES, START_RATES = "rates-", "few-shot-rates-"
"""How recipes begin that score a kind of adapter at three learning rates."""

SURVEY = (
    "prompt", "prefix", "ia3", "bottleneck-6", "bottleneck-16", "bitfit", "norms", "random-mask",
    "full", "scratch", "dora", "adalora", "random-ranks",
)  # fmt: skip
"""What is compared with LoRA by trained numbers, memory and time."""
SURVEY_RATED = (
    "prompt", "prefix", "ia3", "bottleneck-16", "bitfit", "norms", "full", "dora", "adalora",
)  # fmt: skip
"""Those of them whose rates are tuned, of pre-training and of few-shot adaptation."""
SMALL = ("prompt", "prefix", "ia3", "bitfit", "norms", "random-mask")
BYTES = ("full", "bottleneck-6", "bottleneck-16")
"""Kinds of the survey that ship in half precision, and in whole numbers of a byte; others take six bits."""
TEXT, TEXT_STATES, TEXT_RATES = "text-", "text-states", "text-rates-"
"""How recipes begin on the upper third of SmolLM2 and real texts; the states are what they begin from."""
TEXT_KINDS = (
    "lora-36", "mola", "dynmole", "poly", "mhr", "ia3", "prefix", "bottleneck-6", "full",
)  # fmt: skip
TEXT_STEPS, TEXT_TRAININGS = 160, 5


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
    levels: int = 15
    """Whole-number steps of the file, either way; 0 for half precision."""
    forecast_s: int = 20


@cache
def recipes() -> dict[str, Recipe]:
    """Return every recipe by name."""
    base = Recipe("base", "base", 0, BASE_STEPS, levels=0, forecast_s=20)
    made = [recipe for seed in range(TRAININGS) for recipe in _of_seed(seed)]
    grids = [RATES + kind for kind in (*RATED, *SURVEY_RATED)]
    grids += [START_RATES + kind for kind in (*RATED_STARTS, *SURVEY_RATED)]
    rates = [Recipe(name, name, GRID_SEED, 3, levels=0, forecast_s=40) for name in grids]
    return {recipe.name: recipe for recipe in (base, *rates, *made, *_of_texts())}


def _of_texts() -> Iterator[Recipe]:
    """Yield what is made of texts: states, then each kind at three rates, then five trainings of it."""
    states = f"{TEXT_STATES}-s0"
    yield Recipe(states, TEXT_STATES, 0, 3576, levels=0, forecast_s=120)
    for kind in TEXT_KINDS:
        rates = TEXT_RATES + kind
        yield Recipe(rates, rates, GRID_SEED, TEXT_STEPS, trunk=states, levels=0, forecast_s=270)
        for seed in range(TEXT_TRAININGS):
            yield Recipe(
                f"{TEXT}{kind}-s{seed}", TEXT + kind, seed, TEXT_STEPS, trunk=rates, levels=0,
                forecast_s=90,
            )  # fmt: skip


def _of_survey(kind: str, s: int) -> Iterator[Recipe]:
    """Yield a kind of the survey under all conditions; ranks by lot are dealt of an AdaLoRA's."""
    levels = 0 if kind in SMALL else 127 if kind in BYTES else 31
    for ending, steps, naming, seconds in CONDITIONS:
        trunk = f"adalora{ending}-s{s}" if kind == "random-ranks" else ""
        yield Recipe(f"{kind}{ending}-s{s}", kind, s, steps, naming, seconds, trunk, levels)


def _of_seed(s: int) -> Iterator[Recipe]:
    for kind in KINDS:
        levels = 31 if kind in FINE else 15
        for ending, steps, naming, seconds in CONDITIONS:
            yield Recipe(f"{kind}{ending}-s{s}", kind, s, steps, naming, seconds, levels=levels)
    for kind in SHAPES:
        yield Recipe(f"{kind}-s{s}", kind, s, STEPS)
    for kind in SURVEY:
        yield from _of_survey(kind, s)
    for ending in ("", f"-{LONGER}", "-hidden"):
        naming = "hidden" if ending == "-hidden" else "named"
        yield Recipe(
            f"mhr-mu{ending}-s{s}", "mhr-mu", s, MU_STEPS, naming, trunk=f"mhr{ending}-s{s}",
            levels=31, forecast_s=5,
        )  # fmt: skip

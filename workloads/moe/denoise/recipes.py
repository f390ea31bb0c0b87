"""Every checkpoint of the denoise task by name, and how it is trained.

    adabench train denoise/arms-s0

One recipe trains all arms of a seed in one process, step by step in turn, on the same passages and masks, so that their
seconds are comparable; a file holds all of them.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from adabench.workloads.moe.substrate.byte_model import ByteShape

FOLDER = Path(__file__).parent / "checkpoints"
TRAININGS, SHIPPED = 5, 5
"""Of all arms, and those that ship so far: a run's seeds take these in turn."""
STEPS, BATCH = 1000, 32
"""Of an arm, and sequences of a step."""
AFTERWARDS = STEPS // 5
"""Steps of the arms that go on from token choice."""
LENGTH, MASK, SHARED = 64, 256, 2
"""Bytes of a sequence, the word that masks one, and experts that every byte runs."""
CHOSEN, FEWEST, MOST = 4, 2, 6
"""Experts a byte: of a static arm, and of the ends of a schedule, whose mean is the same."""
EXPERT_LEVELS, LEVELS = 15, 127
"""Steps either way that a weight is shipped in: of an expert, and of all else, on which much more of the loss hangs."""
SHAPE = ByteShape(
    width=40, hidden=32, experts=16, chosen=CHOSEN, layers=2, length=LENGTH, words=MASK + 1,
    causal=False, rotary=True, shared=SHARED * 32,
)  # fmt: skip
TOKEN_ARMS = ("token_choice", "token_bias", "continued")
"""Arms whose bytes choose."""
ARMS = ("token_choice", "token_bias", "static", "linear", "linear_reverse", "cosine_reverse")
LATER = ("continued", "retrofit")
"""Arms that begin where token choice ended: with its routing, and with that of `static`."""


@dataclass(frozen=True)
class Recipe:
    """What to train, from which seed."""

    name: str
    seed: int
    steps: int = STEPS
    forecast_s: int = 240


@cache
def recipes() -> dict[str, Recipe]:
    """Return every recipe by name."""
    return {f"arms-s{seed}": Recipe(f"arms-s{seed}", seed) for seed in range(TRAININGS)}


def of_seed(seed: int) -> str:
    """Return the training that a run's seed takes."""
    return f"arms-s{seed % SHIPPED}"

"""Every checkpoint of the experts task by name, and how it is trained.

    adabench train experts/moe-s0

`moe` are 16 experts of which a byte runs two; `active` is dense, with as many hidden units as two experts have;
`whole` is dense, with as many as all. All see the same bytes, in the same order, for as many steps. A name ends in
its training seed.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from adabench.workloads.moe.substrate.byte_model import ByteShape

FOLDER = Path(__file__).parent / "checkpoints"
TRAININGS, SHIPPED = 5, 5
"""Of each kind, and those that ship so far: a run's seeds take these in turn."""
STEPS, BATCH = 3000, 12
"""Of a training, and passages of a step: as many of each domain."""
BALANCE = 0.01
LEVELS = 63
"""Whole-number steps of a file, either way."""
SHAPES = {
    "moe": ByteShape(),
    "active": ByteShape(hidden=128, experts=1, chosen=1),
    "whole": ByteShape(hidden=1024, experts=1, chosen=1),
}


@dataclass(frozen=True)
class Recipe:
    """What to train, from which seed."""

    name: str
    kind: str
    seed: int
    steps: int = STEPS
    forecast_s: int = 120


@cache
def recipes() -> dict[str, Recipe]:
    """Return every recipe by name."""
    made = [Recipe(f"{kind}-s{s}", kind, s) for kind in SHAPES for s in range(TRAININGS)]
    return {recipe.name: recipe for recipe in made}


def of_seed(kind: str, seed: int) -> str:
    """Return the training that a run's seed takes."""
    return f"{kind}-s{seed % SHIPPED}"

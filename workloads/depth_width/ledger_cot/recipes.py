"""The recipes of layout `cot`: words, answers at once, latent steps, and their shortcuts.

Backbones first, the student of one of them next, parts on the frozen student last.

    adabench train cot-words-s0
    adabench train cot-latent-s0
    adabench train cot-shortcuts-both-s0
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from adabench.workloads.depth_width.substrate.backbone import Shape

TOKENS = 96
"""Room for the longest verbose trace: 19 + 7 x 8 + 2."""
SHAPE = Shape(6, tokens=TOKENS)


@dataclass(frozen=True)
class Speaking:
    """A backbone that is trained from nothing (`train_teacher.py`), from which seed."""

    name: str
    kind: Literal["words", "direct"]
    seed: int
    shape: Shape = SHAPE
    steps: int = 700
    forecast_s: int = 120


@dataclass(frozen=True)
class Thinking:
    """A latent student (`train_student.py`) of a backbone that speaks, from which seed."""

    name: str
    base: str
    """The teacher's recipe."""
    seed: int
    shape: Shape = SHAPE
    steps: int = 1100
    forecast_s: int = 150


@dataclass(frozen=True)
class Shortening:
    """Routers and adapters (`shortcuts.py`) on a latent student, from which seed."""

    name: str
    base: str
    """The student's recipe."""
    kind: Literal["both", "depth", "step", "shuffled"]
    seed: int
    steps: int = 250
    forecast_s: int = 40


def table(seeds: Sequence[int]) -> dict[str, Speaking | Thinking | Shortening]:
    """Return the recipes by name."""
    found: list[Speaking | Thinking | Shortening] = []
    for s in seeds:
        words, student = f"cot-words-s{s}", f"cot-latent-s{s}"
        found += [
            Speaking(words, "words", s),
            Speaking(f"cot-direct-s{s}", "direct", s, steps=500, forecast_s=60),
            Thinking(student, words, s),
        ]
        kinds: tuple[Literal["both", "depth", "step", "shuffled"], ...]
        kinds = ("both", "depth", "step", "shuffled")
        found += [Shortening(f"cot-shortcuts-{k}-s{s}", student, k, s) for k in kinds]
    return {plan.name: plan for plan in found}

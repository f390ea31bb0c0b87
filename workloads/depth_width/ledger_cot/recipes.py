"""The recipes of reckoning in steps: words, answers at once, latent steps, and their shortcuts.

Backbones first, the student of one of them next, parts on the frozen student last.

    adabench train cot-words-s0
    adabench train cot-latent-s0
    adabench train cot-shortcuts-both-s0

`cot-plain` and `cot-shortcuts-soft` are stage 1 and stage 2 of System-1.5 as published.
"""

from functools import cache
from pathlib import Path
from typing import Literal

from adabench.workloads.depth_width.ledger_cot.methods.system_1_5.train_plain_student import (
    PlainStudentRecipe,
)
from adabench.workloads.depth_width.ledger_cot.methods.system_1_5.train_shortcuts import (
    ShortcutRecipe,
)
from adabench.workloads.depth_width.ledger_cot.methods.system_1_5.train_soft_shortcuts import (
    SoftShortcutRecipe,
)
from adabench.workloads.depth_width.ledger_cot.substrate.train_student import StudentRecipe
from adabench.workloads.depth_width.ledger_cot.substrate.train_teacher import TeacherRecipe
from adabench.workloads.depth_width.substrate.checkpoints import Recipe
from adabench.workloads.depth_width.substrate.trained.checkpoint_homes import TRAININGS, at_home

FOLDER = Path(__file__).with_name("checkpoints")
KINDS: tuple[Literal["both", "depth", "step", "shuffled"], ...]
KINDS = ("both", "depth", "step", "shuffled")
_FEW = 31
"""Int8 steps of a model that is sure of nearly every token, and of one that is near chance."""


@cache
def recipes() -> dict[str, Recipe]:
    """Return every recipe by name; a name ends in its training seed."""
    found: list[Recipe] = []
    for s in TRAININGS:
        words = TeacherRecipe(f"cot-words-s{s}", "words", s, FOLDER, levels=_FEW)
        direct = TeacherRecipe(
            f"cot-direct-s{s}", "direct", s, FOLDER, steps=500, forecast_s=60, levels=_FEW
        )
        student = StudentRecipe(f"cot-latent-s{s}", words, s, FOLDER)
        plain = PlainStudentRecipe(f"cot-plain-s{s}", words, s, FOLDER)
        found += [words, direct, student, plain]
        found.append(SoftShortcutRecipe(f"cot-shortcuts-soft-s{s}", plain, s, FOLDER))
        found += [ShortcutRecipe(f"cot-shortcuts-{k}-s{s}", student, k, s, FOLDER) for k in KINDS]
    return {recipe.name: at_home(recipe) for recipe in found}

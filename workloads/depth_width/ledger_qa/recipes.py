"""The recipes of questions: a backbone that goes on from the stream's, and routers of paths for it.

adabench train qa-6-s0
adabench train dr-llm-s0
"""

from functools import cache
from pathlib import Path

from adabench.workloads.depth_width.ledger_qa.substrate.train_questions import QuestionBackbone
from adabench.workloads.depth_width.methods.dr_llm.train_path_routers import PathRecipe
from adabench.workloads.depth_width.substrate.checkpoints import Recipe
from adabench.workloads.depth_width.substrate.train_backbone import plain_backbone
from adabench.workloads.depth_width.substrate.trained.checkpoint_homes import TRAININGS, at_home

FOLDER = Path(__file__).with_name("checkpoints")


@cache
def recipes() -> dict[str, Recipe]:
    """Return every recipe by name; a name ends in its training seed."""
    found: list[Recipe] = []
    for seed in TRAININGS:
        base = QuestionBackbone(f"qa-6-s{seed}", plain_backbone(6, seed), seed, FOLDER)
        found += [base, PathRecipe(f"dr-llm-s{seed}", base, seed, FOLDER)]
    return {recipe.name: at_home(recipe) for recipe in found}

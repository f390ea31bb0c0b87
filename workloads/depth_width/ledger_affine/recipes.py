"""The recipes of affine operands: one dense start, and models that go on from it for equal steps.

    adabench train versatile-ffn-s0

All share their first `warm` steps: a dense model of four layers. Each goes on from there with a
new optimiser for the rest; the experts of `moe-ffn` start as eight copies of the dense MLP.
"""

from functools import cache, partial
from pathlib import Path

from adabench.workloads.depth_width.ledger_affine.substrate.ffn_models import FfnShape
from adabench.workloads.depth_width.ledger_affine.substrate.train_ffns import FfnRecipe
from adabench.workloads.depth_width.substrate.checkpoints import Recipe
from adabench.workloads.depth_width.substrate.trained.checkpoint_homes import TRAININGS, at_home

FOLDER = Path(__file__).with_name("checkpoints")
_FINE = 63
"""Int8 steps of the largest file, the experts'; the others have all 127."""


@cache
def recipes() -> dict[str, Recipe]:
    """Return every recipe by name; a name ends in its training seed."""
    found: list[Recipe] = []
    for s in TRAININGS:
        dense = FfnRecipe(f"dense-ffn-4-s{s}", FfnShape("dense"), s, FOLDER, forecast_s=110)
        beside = partial(FfnRecipe, seed=s, home=FOLDER, reference=dense)
        versatile = FfnShape("versatile", loops=4)
        found += [
            dense,
            beside(f"loop-ffn-2-s{s}", FfnShape("loop", loops=2), forecast_s=120),
            beside(f"loop-ffn-4-s{s}", FfnShape("loop", loops=4), forecast_s=135),
            beside(f"moe-ffn-s{s}", FfnShape("moe", wider=8), forecast_s=125, levels=_FINE),
            beside(f"versatile-ffn-s{s}", versatile, forecast_s=155),
        ]
    return {recipe.name: at_home(recipe) for recipe in found}

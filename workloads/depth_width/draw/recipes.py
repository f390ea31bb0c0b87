"""Every checkpoint of the draw task by name: a whole model with all that is pruned out of it.

    adabench train draw/glyphs-s0

`digits` and `fashion` name other pictures, which ship no training.
"""

from functools import cache

from adabench.workloads.depth_width.draw.methods.aptp.pruned_recipe import PrunedRecipe
from adabench.workloads.depth_width.draw.substrate.training_names import SOURCES, TRAININGS, of_seed


@cache
def recipes() -> dict[str, PrunedRecipe]:
    """Return every recipe by name."""
    every = (
        (of_seed(source, seed), source, seed) for source in SOURCES for seed in range(TRAININGS)
    )
    return {name: PrunedRecipe(name, source, seed) for name, source, seed in every}

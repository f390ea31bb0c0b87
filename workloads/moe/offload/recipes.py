"""Every checkpoint of the offload task by name: a routing-path predictor for each training of the model.

adabench train offload/paths-s0
"""

from functools import cache

from adabench.workloads.moe.offload.methods.expertflow.path_predictor import of_seed
from adabench.workloads.moe.offload.methods.expertflow.train_paths import PathRecipe
from adabench.workloads.moe.offload.substrate.decoding import TRAININGS


@cache
def recipes() -> dict[str, PathRecipe]:
    """Return every recipe by name."""
    return {of_seed(seed): PathRecipe(of_seed(seed), seed) for seed in range(TRAININGS)}

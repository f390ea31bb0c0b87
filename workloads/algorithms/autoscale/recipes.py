"""Every checkpoint of the autoscaling task by name, and how it is trained: a network a loss and training seed.

Steps, never seconds: the result does not depend on how busy the machine is.
"""

from typing import get_args

from adabench.workloads.algorithms.autoscale.methods.harmony.forecaster_recipe import ForecastRecipe
from adabench.workloads.algorithms.autoscale.methods.harmony.train_forecaster import Loss

SEEDS = 5
"""Training seeds, all of which ship; a run takes its seed modulo this."""


def recipes() -> dict[str, ForecastRecipe]:
    """Return every recipe by name; a name ends in its training seed."""
    table = [
        ForecastRecipe(f"{loss}-s{seed}", loss, seed)
        for loss in get_args(Loss)
        for seed in range(SEEDS)
    ]
    return {recipe.name: recipe for recipe in table}

"""A checkpoint of HARMONY's forecaster: how it is trained, shipped in half precision, and what it is worth.

A card says what the shipped file is worth on a service of each family, of a stream of its own: CRPS over the mean load,
and violations at a target of 1 %.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from adabench.workloads.algorithms.autoscale.methods.harmony import train_forecaster
from adabench.workloads.algorithms.autoscale.methods.harmony.service_forecast import (
    FORECAST_S,
    ServiceForecast,
    restore,
)
from adabench.workloads.algorithms.autoscale.methods.harmony.train_forecaster import Loss, levels_of
from adabench.workloads.algorithms.autoscale.substrate.provisioning import (
    BULK,
    QUANTILES,
    crps,
    forecasts,
)
from adabench.workloads.algorithms.autoscale.substrate.traces import (
    DAY,
    FAMILIES,
    LEVELS,
    PAST,
    TRAIN,
    Terms,
    generate,
    make_demand,
)
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import ship

HELD_OUT_SEED = 4000
ONE_PERCENT = int(np.argmin(np.abs(QUANTILES - 0.99)))


@dataclass(frozen=True)
class ForecastRecipe:
    """What to train, from which seed."""

    name: str
    loss: Loss
    seed: int
    steps: int = 2500
    rate: float = 3e-3
    forecast_s: int = FORECAST_S

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train it and write weights, all in one row, and card into a folder; return the card."""
        folder.mkdir(parents=True, exist_ok=True)
        made = train_forecaster.train(self.loss, self.seed, self.steps, self.rate, progress)
        weights = {"weights": nn.utils.parameters_to_vector(made.parameters())}
        return ship(
            self, checkpoints.halves(weights), folder, lambda: held_out(self, folder),
            (train_forecaster,), under="held_out",
        )  # fmt: skip


def held_out(plan: ForecastRecipe, folder: Path) -> dict[str, float]:
    """Return CRPS and violations at 1 % of the file in a folder, by family."""
    restore.cache_clear()
    network, terms = restore(plan.name, folder), Terms(seed=plan.seed)
    found: dict[str, float] = {}
    for family in FAMILIES:
        readings = generate(family, 7, HELD_OUT_SEED + plan.seed, TRAIN)
        world = make_demand(family, readings, LEVELS, PAST * DAY, terms, generated=True)
        case, load = world.case, world.future[:, -1]
        forecast = ServiceForecast(network, levels_of(plan.loss, LEVELS, plan.seed), case)
        slots = np.arange(len(case.past), len(case.past) + case.slots)
        rows = forecasts(np.concatenate((case.past, world.future)), slots, case, forecast)
        found[f"crps_{family}"] = round(crps(rows[:, : len(BULK)], load) / float(load.mean()), 4)
        found[f"violations_{family}"] = round(float((load > rows[:, ONE_PERCENT]).mean()), 4)
    return found

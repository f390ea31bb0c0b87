"""The forecast of one service by a shipped network, as it is or tuned to the service."""

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import takewhile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from adabench.workloads.algorithms.autoscale.methods.harmony.network import (
    WINDOW,
    Forecaster,
    standardised,
)
from adabench.workloads.algorithms.autoscale.methods.harmony.train_forecaster import Loss
from adabench.workloads.algorithms.autoscale.substrate.provisioning import BULK, QUANTILES, Past
from adabench.workloads.algorithms.autoscale.substrate.traces import Floats, Service
from adabench.workloads.shared.training import checkpoints

FOLDER = Path(__file__).parents[2] / "checkpoints"
TRAININGS, FORECAST_S = 5, 50


@dataclass(frozen=True)
class ServiceForecast:
    """The forecast of one service's load."""

    network: Forecaster
    levels: Tensor
    case: Service

    def __call__(self, past: Past) -> Floats:
        """Return the quantiles (B, 27)."""
        with torch.no_grad(), checkpoints.one_thread():
            return load_quantiles(self.network, self.levels, self.case, past)


def load_quantiles(network: Forecaster, levels: Tensor, case: Service, past: Past) -> Floats:
    """Return the quantiles (B, 27) of the loads that a network forecasts."""
    windows = np.ascontiguousarray(past.windows[:, -WINDOW:], np.float32)
    spread = case.past.std(0).astype(np.float32)
    inputs = standardised(windows, spread, past.slots - case.delay + 1, case.day)
    rows = network.quantiles(inputs, levels, QUANTILES)
    return np.hstack([np.maximum.accumulate(part, 1) for part in np.split(rows, [len(BULK)], 1)])


@lru_cache(maxsize=32)
def restore(name: str, folder: Path | None = None) -> Forecaster:
    """Return a checkpoint's network in fp32, from a folder, or from where it was put.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    place = folder or checkpoints.home(name, FOLDER)
    return with_weights(name, checkpoints.weights(name, place, FORECAST_S)["weights"])


def with_weights(loss: str, weights: Tensor) -> Forecaster:
    """Return the network of a loss with its weights, all in one row."""
    network = Forecaster(flows=not loss.startswith("gaussian")).requires_grad_(False).eval()
    nn.utils.vector_to_parameters(weights, network.parameters())
    return network


@cache  # files are not looked for while a method is measured
def training_seed(loss: Loss, seed: int) -> int:
    """Return the training that a run's seed picks: those that are there, in turn."""
    there = takewhile(lambda k: checkpoints.is_there(f"{loss}-s{k}", FOLDER), range(TRAININGS))
    return seed % max(len(list(there)), 1)


def handed_out(loss: Loss, case: Service) -> Forecaster:
    """Return the network of a loss that a run with this seed uses."""
    name = f"{loss}-s{training_seed(loss, case.seed)}"
    checkpoints.note(name, FOLDER)
    return restore(name)

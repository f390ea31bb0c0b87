"""Six lags of the load by least squares: what a good plain forecast knows.

    y[t] = w . (1, y[t - h], y[t - h - 1], y[t - h - 2], y[t - h - 5], y[t - day], y[t - day + 1]) + residual

h is the delay. The weights are fitted to the past of a service once, and so are the residuals' quantiles.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import norm

from adabench.workloads.algorithms.autoscale.substrate.provisioning import (
    QUANTILES,
    Past,
    look_back,
    window_of,
)
from adabench.workloads.algorithms.autoscale.substrate.traces import Floats, Service

Reads = Literal["load", "all", "last"]
"""Lags of the load alone, of all indicators, or the last reading as it is."""


@dataclass(frozen=True)
class LagRegression:
    """Fitted weights, and by how much its residuals exceed the forecast at each level."""

    reads: Reads
    delay: int
    day: int
    weights: Floats
    margins: Floats
    """(27,)."""

    def __call__(self, past: Past) -> Floats:
        """Return the forecasts (B, 27)."""
        rows = _rows(past, self.reads, self.delay, self.day)
        found: Floats = (rows @ self.weights)[:, None] + self.margins
        return found


def fit(case: Service, reads: Reads = "load", *, gaussian: bool = False) -> LagRegression:
    """Fit weights to the past of a service; residuals by their own quantiles or by a Gaussian's."""
    window = window_of(case)
    slots = np.arange(window + case.delay - 1, len(case.past))
    rows = _rows(look_back(case.past, slots, case.delay, window), reads, case.delay, case.day)
    load = case.past[slots, -1]
    weights = np.ones(1) if reads == "last" else np.linalg.lstsq(rows, load, rcond=None)[0]
    residuals = load - rows @ weights
    margins = (
        residuals.std() * norm.ppf(QUANTILES) if gaussian else np.quantile(residuals, QUANTILES)
    )
    return LagRegression(reads, case.delay, case.day, weights, margins)


def _rows(past: Past, reads: Reads, delay: int, day: int) -> Floats:
    """Return what the load is forecast by: (B, weights)."""
    if reads == "last":
        return np.ascontiguousarray(past.load[:, -1:])
    lags = np.array([0, 1, 2, 5, day - delay, day - delay - 1])
    read = past.windows if reads == "all" else past.windows[:, :, -1:]
    found = read[:, read.shape[1] - 1 - lags].reshape(len(read), -1)
    return np.column_stack((np.ones(len(read)), found))

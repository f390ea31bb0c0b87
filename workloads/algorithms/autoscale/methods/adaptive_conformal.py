"""Adaptive conformal: the linear quantile, whose violation target moves with what was violated.

    eps[t + 1] = eps[t] + gamma (eps - 1[y[t] > capacity[t]]),  gamma = 0.01

The forecast is that of `linear_quantile`; only the level at which its residuals are read adapts, slot by slot. It
holds any rate in the long run, whatever the load does (Gibbs and Candes, arXiv 2106.00170).

**What to expect.** 1.0 % everywhere, for 4 to 20 % more capacity.

**Ways to fake it.** A step that was chosen on the served days.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.autoscale.substrate.lag_regression import fit
from adabench.workloads.algorithms.autoscale.substrate.provisioning import (
    Autoscale,
    Bools,
    Provision,
    dial_of,
    quantile_at,
)
from adabench.workloads.algorithms.autoscale.substrate.traces import Floats, Service

CARD = Card(
    title="Adaptive conformal quantile",
    paper="Adaptive Conformal Inference Under Distribution Shift, arXiv 2106.00170",
    adapts="the violation target of each slot, on the violations so far",
    no_signal="it adapts on violations of its own capacity, which another service's capacity did not cause",
    knobs=(Knob("gamma", (0.005, 0.01, 0.02), 0.01, open=True, low=0.0, high=1.0),),
)
LEAST = 1e-6
"""A target of nothing has no logarithm; the strictest quantile serves it."""


class ConformalDecision:
    """The targets of a dial (K,), each moved by its own violations."""

    def __init__(self, dial: Floats, gamma: float) -> None:
        self.dial, self.gamma, self.targets = dial, gamma, dial

    def choose(self, tail: Floats) -> Floats:
        """Return the quantiles at the targets as they are now."""
        return quantile_at(tail, np.maximum(self.targets, LEAST))

    def learn(self, exceeded: Bools) -> None:
        """Move each target."""
        self.targets = self.targets + self.gamma * (self.dial - exceeded)


def solve(task: Autoscale, case: Service, point: Point) -> Provision:
    """Serve with targets that move."""
    decision = ConformalDecision(dial_of(case), float(point["gamma"]))
    return task.provision(case, fit(case), decision)

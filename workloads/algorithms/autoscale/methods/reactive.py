"""Reactive rule: the last load over a target utilisation, as an autoscaler by thresholds sets it.

    capacity[t] = max(y[t - h], y[t - h - 1], y[t - h - 2]) / u(eps)

Up at once, down after three quiet slots: the rule of common autoscalers with its stabilisation window. The
dial is the target utilisation u: 0.4 at the strictest violation target, 0.9 at the laxest, a line in log eps.

**What to expect.** Two or three times what a quantile needs at the same violation rate, for it has one margin
for quiet and for rising loads.

**Ways to fake it.** A utilisation that is far from any that is used.
"""

import numpy as np

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.autoscale.substrate.provisioning import (
    BULK,
    TARGETS,
    Autoscale,
    Past,
    Provision,
)
from adabench.workloads.algorithms.autoscale.substrate.traces import Floats, Service

CARD = Card(
    title="Reactive rule",
    paper="none: target utilisation with a stabilisation window, as common autoscalers have it",
    adapts="capacity, on the last three loads",
    role="static",
)
STABLE = 3
"""Slots that a load must have fallen for before capacity does."""
UTILISATION = np.interp(np.log(TARGETS), np.log([0.001, 0.1]), [0.4, 0.9])


def solve(task: Autoscale, case: Service, point: Point) -> Provision:
    """Divide the last load by the target utilisation."""

    def forecast(past: Past) -> Floats:
        last = np.repeat(past.load[:, -1:], len(BULK), axis=1)
        return np.hstack((last, past.load[:, -STABLE:].max(1)[:, None] / UTILISATION))

    return task.provision(case, forecast)

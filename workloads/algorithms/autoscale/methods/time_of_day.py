"""Time of day: the quantile of the loads that were read at the same time of earlier known days.

    capacity[t] = quantile over known days d and slots s in t-1..t+1 of y[d, s] at level 1 - eps

Drift is what it does not see.

**What to expect.** Fine where nothing drifts, many violations where the level does.

**Ways to fake it.** Days that are served among those that it learns from.
"""

import numpy as np

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.autoscale.substrate.provisioning import (
    QUANTILES,
    Autoscale,
    Past,
    Provision,
)
from adabench.workloads.algorithms.autoscale.substrate.traces import Floats, Service

CARD = Card(
    title="Quantile of the time of day",
    paper="none: the usual calendar rule",
    adapts="nothing: capacity follows the clock",
    role="static",
)


def solve(task: Autoscale, case: Service, point: Point) -> Provision:
    """Read quantiles off the known days, time by time."""
    load, day = case.past[:, -1], case.day
    whole = load[len(load) % day :].reshape(-1, day)  # the last days that are whole
    near = np.concatenate([np.roll(whole, shift, axis=1) for shift in (-1, 0, 1)])
    table = np.quantile(near, QUANTILES, axis=0).T
    offset = len(load) % day

    def forecast(past: Past) -> Floats:
        found: Floats = table[(past.slots - offset) % day]
        return found

    return task.provision(case, forecast)

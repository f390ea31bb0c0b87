"""Peak provisioning: as much as the largest load that was ever read, in every slot.

What is done where nobody may be turned away. Its dial does nothing: at one violation rate it is
scaled by one number, as every method is whose dial ends before that rate.

**What to expect.** No violation and twice the load or more.

**Ways to fake it.** The largest load of the served days.
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
    title="Peak provisioning",
    paper="none: what is done without a forecast",
    adapts="nothing",
    role="static",
)


def solve(task: Autoscale, case: Service, point: Point) -> Provision:
    """Allocate the peak of the past."""
    load = case.past[:, -1]
    row = np.append(np.quantile(load, BULK), np.full(len(TARGETS), load.max()))

    def forecast(past: Past) -> Floats:
        return np.tile(row, (len(past.slots), 1))

    return task.provision(case, forecast)

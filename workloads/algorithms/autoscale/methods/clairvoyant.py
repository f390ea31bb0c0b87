"""Oracle: told the load of each slot, it allocates that.

Nobody serves every slot with less. Exact: nothing is exceeded and nothing is idle, but for what
capacity in whole instances leaves over.

**Ways to fake it.** Selling it as a forecast.
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
    title="Oracle: the loads to come",
    paper="our own bound",
    adapts="capacity, on the load itself",
    role="oracle",
    oracle="exact",
)


def solve(task: Autoscale, case: Service, point: Point) -> Provision:
    """Allocate the load."""

    def forecast(past: Past) -> Floats:
        assert past.coming is not None
        return np.repeat(past.coming[:, None], len(QUANTILES), axis=1)

    return task.provision(case, forecast, knows=True)

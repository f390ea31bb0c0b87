"""Planted: reads the loads of later slots off the array that its windows are views of."""

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.autoscale.substrate.provisioning import QUANTILES

CARD = Card(title="looks ahead", adapts="it cheats", paper="none")


def solve(task, case, point):
    def forecast(past):
        ahead = np.append(past.load[1:, -1], past.load[-1:, -1])
        return np.repeat(ahead[:, None] * 1.01, len(QUANTILES), axis=1)

    return task.provision(case, forecast)

"""Planted: asks for what only oracles may know."""

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.autoscale.substrate.provisioning import QUANTILES

CARD = Card(title="told loads", adapts="it cheats", paper="none")


def solve(task, case, point):
    return task.provision(
        case, lambda past: np.repeat(past.coming[:, None], len(QUANTILES), axis=1), knows=True
    )

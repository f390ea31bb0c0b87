"""Planted: changes what was counted."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.autoscale.substrate.lag_regression import fit

CARD = Card(title="clears the meter", adapts="it cheats", paper="none")


def solve(task, case, point):
    answer = task.provision(case, fit(case))
    task.meter["slots"] = 1.0
    return answer

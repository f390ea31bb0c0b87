"""Planted: allocates by the name of the service."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.autoscale.substrate.lag_regression import fit

CARD = Card(title="knows the name", adapts="it cheats", paper="none")


def solve(task, case, point):
    return task.provision(case, fit(case, "last" if case.group == "bursts" else "load"))

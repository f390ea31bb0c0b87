"""Planted: serves a case twice and answers with the second."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.autoscale.substrate.lag_regression import fit

CARD = Card(title="best of two", adapts="it cheats", paper="none")


def solve(task, case, point):
    task.provision(case, fit(case, "last"))
    return task.provision(case, fit(case))

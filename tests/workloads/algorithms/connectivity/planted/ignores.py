"""Planted: asks for predictions and does not listen."""

from adabench.harness.card import Card
from adabench.workloads.connectivity.rebuilding import rebuild_query, rebuild_update, rebuilt
from adabench.workloads.connectivity.serve import Connectivity

CARD = Card(title="ignores", adapts="nothing", paper="none")


def solve(task: Connectivity, case, point):
    return task.serve(case, rebuild_update, rebuild_query, rebuilt, hints="given")

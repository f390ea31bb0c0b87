"""Planted: asks for predictions and does not listen."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.connectivity.substrate.rebuild_structure import (
    live_edge_array,
    rebuild_query,
    rebuild_update,
)
from adabench.workloads.algorithms.connectivity.substrate.replay import Connectivity

CARD = Card(title="ignores", adapts="nothing", paper="none")


def solve(task: Connectivity, case, point):
    return task.serve(case, rebuild_update, rebuild_query, live_edge_array, hints="given")

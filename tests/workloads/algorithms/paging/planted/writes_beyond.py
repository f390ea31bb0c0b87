"""Planted: keeps one note more than it asked for."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import hook
from tests.workloads.algorithms.paging.plain_hooks import evict_first

CARD = Card(title="writes beyond", role="static")


@hook
def serve(cache, notes, weights, page, hint):
    notes[1] = 7


def solve(task, case, point):
    return task.replay(case, evict_first, serve, notes=1)

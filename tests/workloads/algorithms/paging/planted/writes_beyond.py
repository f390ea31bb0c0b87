"""Planted: keeps one note more than it asked for."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import evict, hook, is_full

CARD = Card(title="writes beyond", role="static")


@hook
def fault(cache, notes, weights, page, hint):
    if is_full(cache):
        evict(cache, 0)


@hook
def serve(cache, notes, weights, page, hint):
    notes[1] = 7


def solve(task, case, point):
    return task.replay(case, fault, serve, notes=1)

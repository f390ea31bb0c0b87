"""Planted: writes into the cache that every page is in slot 0."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import evict, hook, is_full

CARD = Card(title="forges", role="static")


@hook
def fault(cache, notes, weights, page, hint):
    if is_full(cache):
        evict(cache, 0)


@hook
def serve(cache, notes, weights, page, hint):
    for other in range(cache.n_pages):
        cache.slot_of[other] = max(0, cache.slot_of[other])


def solve(task, case, point):
    return task.replay(case, fault, serve)

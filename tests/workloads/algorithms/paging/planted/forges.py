"""Planted: writes into the cache that every page is in slot 0."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import hook
from tests.workloads.algorithms.paging.plain_hooks import evict_first

CARD = Card(title="forges", role="static")


@hook
def serve(cache, notes, weights, page, hint):
    for other in range(cache.n_pages):
        cache.slot_of[other] = max(0, cache.slot_of[other])


def solve(task, case, point):
    return task.replay(case, evict_first, serve)

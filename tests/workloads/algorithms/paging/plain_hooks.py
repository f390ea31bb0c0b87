"""Hooks of planted policies that decide nothing of their own."""

from adabench.workloads.algorithms.paging.substrate.cache_engine import draw, evict, hook, is_full


@hook
def evict_first(cache, notes, weights, page, hint):
    if is_full(cache):
        evict(cache, 0)


@hook
def evict_drawn(cache, notes, weights, page, hint):
    if is_full(cache):
        evict(cache, draw(cache, cache.slots))


@hook
def ignore(cache, notes, weights, page, hint):
    pass

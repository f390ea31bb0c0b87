"""Planted: writes the page that came next last time into the cache, consistently, unasked."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import draw, evict, hook, is_full

CARD = Card(title="prefetches", role="static")


@hook
def fault(cache, notes, weights, page, hint):
    if is_full(cache):
        evict(cache, notes[2] % cache.slots)
        notes[2] += 1


@hook
def serve(cache, notes, weights, page, hint):
    before = notes[0] - 1
    if before >= 0:
        notes[3 + before] = page + 1
    notes[0] = page + 1
    following = notes[3 + page] - 1
    absent = following >= 0 and cache.slot_of[following] < 0
    if absent and is_full(cache) and draw(cache, 10) < 5:
        slot = notes[2] % cache.slots
        old = cache.page_in[slot]
        if old != page:
            notes[2] += 1
            cache.slot_of[old] = -1
            cache.page_in[slot] = following
            cache.slot_of[following] = slot


def solve(task, case, point):
    return task.replay(case, fault, serve, notes=3 + case.n_pages)

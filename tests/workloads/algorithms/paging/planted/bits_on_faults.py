"""Planted: stores a bit when it fetches a page and never again."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import evict, hook, is_full

CARD = Card(title="bits on faults", adapts="eviction, on stale bits", paper="none")


@hook
def fault(cache, notes, weights, page, hint):
    notes[cache.slots] = 1
    if is_full(cache):
        victim = 0
        for slot in range(cache.slots):
            if notes[slot] == 1:
                victim = slot
        evict(cache, victim)


@hook
def serve(cache, notes, weights, page, hint):
    if notes[cache.slots] == 1:
        notes[cache.slot_of[page]] = hint
        notes[cache.slots] = 0


def solve(task, case, point):
    return task.replay(case, fault, serve, notes=case.slots + 1, hints="discard")

"""Planted: Belady's rule on next uses that it computes itself from the case's pages."""

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import evict, hook, is_full
from adabench.workloads.algorithms.paging.substrate.furthest_use import next_use

CARD = Card(title="looks ahead", adapts="nothing it may see", paper="none")


@hook
def fault(cache, notes, weights, page, hint):
    if is_full(cache):
        furthest = 0
        for slot in range(cache.slots):
            if notes[1 + slot] > notes[1 + furthest]:
                furthest = slot
        evict(cache, furthest)


@hook
def serve(cache, notes, weights, page, hint):
    notes[1 + cache.slot_of[page]] = np.int64(weights[notes[0]])
    notes[0] += 1


def solve(task, case, point):
    future = next_use(case.pages, case.n_pages).astype(np.float64)
    return task.replay(case, fault, serve, notes=1 + case.slots, weights=future)

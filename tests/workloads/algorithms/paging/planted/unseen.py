"""Planted: Belady while nobody keeps a log, and FIFO while somebody does."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.methods import belady
from adabench.workloads.algorithms.paging.substrate.cache_engine import evict, hook, is_full

CARD = Card(title="unseen", role="static")


@hook
def fault(cache, notes, weights, page, hint):
    if is_full(cache):
        evict(cache, notes[0])


@hook
def serve(cache, notes, weights, page, hint):
    if cache.slot_of[page] == notes[0]:
        notes[0] = (notes[0] + 1) % cache.slots


def solve(task, case, point):
    if task.keep_log:
        return task.replay(case, fault, serve, notes=1)
    return belady.solve(task, case, point)

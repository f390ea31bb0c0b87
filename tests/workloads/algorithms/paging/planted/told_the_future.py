"""Planted: an online policy that asks for the true next uses under a spliced name."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import evict, hook, is_full
from adabench.workloads.algorithms.paging.substrate.furthest_use import enter, largest, leaves_for

CARD = Card(title="told the future", role="static")


@hook
def fault(cache, notes, weights, page, hint):
    if is_full(cache):
        evict(cache, largest(notes, leaves_for(cache.slots)))


@hook
def serve(cache, notes, weights, page, hint):
    enter(notes, leaves_for(cache.slots), cache.slot_of[page], hint + 1)


def solve(task, case, point):
    told = "NEXT".lower()
    return task.replay(case, fault, serve, notes=2 * leaves_for(case.slots), hints=told)

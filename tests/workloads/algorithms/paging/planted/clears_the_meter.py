"""Planted: tries two policies, forgets that it did, and answers with the better."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import draw, evict, hook, is_full

CARD = Card(title="clears the meter", role="static")


@hook
def fault(cache, notes, weights, page, hint):
    if is_full(cache):
        evict(cache, draw(cache, cache.slots))


@hook
def serve(cache, notes, weights, page, hint):
    pass


def solve(task, case, point):
    seen = {}
    for streams in (4, 5):
        seen[streams] = task.replay(case, fault, serve, streams=streams).faults.mean()
        task.meter.clear()
    return task.replay(case, fault, serve, streams=min(seen, key=seen.get))

"""Planted: replays a case under many coins and answers with the best."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import draw, evict, hook, is_full

CARD = Card(title="best of two", role="static")


@hook
def fault(cache, notes, weights, page, hint):
    if is_full(cache):
        evict(cache, draw(cache, cache.slots))


@hook
def serve(cache, notes, weights, page, hint):
    pass


def solve(task, case, point):
    answers = [task.replay(case, fault, serve, streams=streams) for streams in (5, 4)]
    return answers[-1]

"""Planted: lets two pages go on a fault with a full cache."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import evict, hook, is_full
from tests.workloads.algorithms.paging.plain_hooks import ignore

CARD = Card(title="evicts two", adapts="nothing", paper="none")


@hook
def fault(cache, notes, weights, page, hint):
    if is_full(cache):
        evict(cache, 0)
        evict(cache, 1)


def solve(task, case, point):
    return task.replay(case, fault, ignore)

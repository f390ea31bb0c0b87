"""Planted: tries two policies, forgets that it did, and answers with the better."""

from adabench.harness.contract.card import Card
from tests.workloads.algorithms.paging.plain_hooks import evict_drawn, ignore

CARD = Card(title="clears the meter", role="static")


def solve(task, case, point):
    seen = {}
    for streams in (4, 5):
        seen[streams] = task.replay(case, evict_drawn, ignore, streams=streams).faults.mean()
        task.meter.clear()
    return task.replay(case, evict_drawn, ignore, streams=min(seen, key=seen.get))

"""Planted: LRU's order, and an answer and a meter that say it is nearly Belady."""

from dataclasses import replace

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import evict, hook, is_full

CARD = Card(title="answers itself", role="static")


@hook
def fault(cache, notes, weights, page, hint):
    if is_full(cache):
        evict(cache, 0)


@hook
def serve(cache, notes, weights, page, hint):
    pass


def solve(task, case, point):
    faults = np.array([task.of(case).hindsight.opt + 1])
    forged = replace(task.replay(case, fault, serve), faults=faults)
    task.answers[case.instance] = forged
    task.meter["faults"] = float(faults[0])
    return forged

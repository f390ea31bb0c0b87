"""Planted: LRU's order, and an answer and a meter that say it is nearly Belady."""

from dataclasses import replace

import numpy as np

from adabench.harness.contract.card import Card
from tests.workloads.algorithms.paging.plain_hooks import evict_first, ignore

CARD = Card(title="answers itself", role="static")


def solve(task, case, point):
    faults = np.array([task.of(case).hindsight.opt + 1])
    forged = replace(task.replay(case, evict_first, ignore), faults=faults)
    task.answers[case.instance] = forged
    task.meter["faults"] = float(faults[0])
    return forged

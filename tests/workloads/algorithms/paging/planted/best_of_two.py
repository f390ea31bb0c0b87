"""Planted: replays a case under many coins and answers with the best."""

from adabench.harness.contract.card import Card
from tests.workloads.algorithms.paging.plain_hooks import evict_drawn, ignore

CARD = Card(title="best of two", role="static")


def solve(task, case, point):
    answers = [task.replay(case, evict_drawn, ignore, streams=streams) for streams in (5, 4)]
    return answers[-1]

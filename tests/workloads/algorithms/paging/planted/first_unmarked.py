"""Planted: Marker that takes the first unmarked page and calls it random."""

from adabench.harness.contract.card import Bound, Card, Claim
from adabench.workloads.algorithms.paging.substrate.cache_engine import evict, hook, is_full

CARD = Card(
    title="first unmarked",
    role="static",
    claims=(
        Claim(
            id="FU-1",
            says="It is like Marker.",
            source="theorem",
            paper="2 H_k",
            effect=None,
            expect=Bound("faults", "robust_bound", "mean"),
        ),
    ),
)


@hook
def fault(cache, notes, weights, page, hint):
    if is_full(cache):
        victim = 0
        while victim < cache.slots and notes[victim] == 1:
            victim += 1
        if victim == cache.slots:
            for slot in range(cache.slots):
                notes[slot] = 0
            victim = 0
        evict(cache, victim)


@hook
def serve(cache, notes, weights, page, hint):
    notes[cache.slot_of[page]] = 1


def solve(task, case, point):
    return task.replay(case, fault, serve, notes=case.slots, streams=5)

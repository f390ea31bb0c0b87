"""Marker: evict a random page among those not requested in this phase.

A served page is marked. On a fault with a full cache a uniformly random unmarked page goes;
when all are marked, all are unmarked and a new phase begins. Against an adversary who does
not see the random draws this costs at most 2 H_k x OPT in expectation, and nothing without
predictions can do better than H_k.

It is the robust half of every predictor in this folder: MARK0 and MARK&PREDICT are Marker
that listens to bits.

**What to expect.** Written before measuring, from the card: 1.70 x OPT on Zipf(0.8), 1.57
with scans, 1.55 on the Markov chain (no better than LRU: these traces have no adversary),
and 5.0 on the circle, near H_100 = 5.19, where LRU pays 95.

**Ways to fake it.** Taking the first unmarked page rather than a random one is
deterministic and forfeits the bound.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.paging.substrate.cache_engine import (
    Cache,
    Floats,
    Ints,
    evict,
    hook,
)
from adabench.workloads.algorithms.paging.substrate.marking import board_size, make_room, mark
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace

CARD = Card(
    title="Marker",
    paper="Fiat et al., Competitive paging algorithms, 1991",
    adapts="nothing from outside: a random page unused in this phase goes",
    role="static",
)
STREAMS = 3


@hook
def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict the page that Marker picks."""
    victim = make_room(cache, notes, 0)
    if victim >= 0:
        evict(cache, cache.slot_of[victim])


@hook
def serve(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Mark the page."""
    mark(notes, 0, cache.slots, page)


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Replay the trace under several coin streams."""
    notes = board_size(case.slots, case.n_pages)
    return task.replay(case, fault, serve, notes=notes, streams=STREAMS)

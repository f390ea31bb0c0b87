"""FIFO: evict the page that has been in the cache for longest.

The cheapest rule there is: nothing happens on a hit. Like LRU it is k-competitive; unlike
LRU it may get worse when the cache grows (Belady's anomaly).

Here: slots fill in the order 0, 1, 2, ..., and an evicted slot is refilled at once, so the
oldest page is always under a hand that walks around. One note.

**What to expect.** Somewhat above LRU on the Zipf traces, equal to it on the circle.

**Ways to fake it.** Moving the hand on hits.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.paging.substrate.cache_engine import (
    Cache,
    Floats,
    Ints,
    evict,
    hook,
    is_full,
)
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace

CARD = Card(
    title="First in, first out",
    paper="Sleator and Tarjan, Amortized efficiency of list update and paging rules, 1985",
    adapts="nothing: the oldest page goes",
    role="static",
)


@hook
def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict under the hand and move it on."""
    if is_full(cache):
        evict(cache, notes[0])
        notes[0] = (notes[0] + 1) % cache.slots


@hook
def serve(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Keep nothing."""


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Replay the trace with the hand at slot 0."""
    return task.replay(case, fault, serve, notes=1)

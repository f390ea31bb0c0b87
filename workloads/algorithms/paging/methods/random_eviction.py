"""Random: evict a uniformly random page.

No state at all. In expectation it is k-competitive, like LRU, but no single trace is its
worst case: on a circle of k + 1 pages, where LRU always faults, it often hits.

**What to expect.** Close to FIFO on the Zipf traces; far below LRU on the circle.

**Ways to fake it.** A fixed pseudo-random order shared by all random streams.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.paging.substrate.cache_engine import (
    Cache,
    Floats,
    Ints,
    draw,
    evict,
    hook,
    is_full,
)
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace

CARD = Card(
    title="Random eviction",
    paper="Raghavan and Snir, Memory versus randomization in on-line algorithms, 1989",
    adapts="nothing: any page goes",
    role="static",
)
STREAMS = 3


@hook
def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict a random slot; in a full cache all are occupied."""
    if is_full(cache):
        evict(cache, draw(cache, cache.slots))


@hook
def serve(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Keep nothing."""


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Replay the trace under several coin streams."""
    return task.replay(case, fault, serve, streams=STREAMS)

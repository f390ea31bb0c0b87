"""BlindOracle: Belady's rule on predicted next arrivals, taken at their word.

The rival with richer predictions: 64 bits a request instead of one. It evicts the page
whose *predicted* next request is furthest ahead, and never asks whether predictions have
been right. It shows what one bit gives up, and what it gives up in robustness: a wrong
arrival time can keep a useless page for the rest of the trace.

The task spoils an arrival at the noise rate by giving it the gap of another request, so
that wrong predictions have the right distribution and no content. Bit flips of the other
kinds do not apply to numbers; the rate is used alike.

**Fidelity.** The plain rule only, without the fallback that makes it robust.

**What to expect.** Written before measuring: ratio 1 at noise 0; better than MARK0 at 10 %
on Zipf, since a wrong gap is often still a long one for a rare page; bad on the circle,
where one page held forever costs little but many cost everything.

**Ways to fake it.** Reading true arrivals; charging it one bit.
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
from adabench.workloads.algorithms.paging.substrate.furthest_use import enter, largest, leaves_for
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace

CARD = Card(
    title="BlindOracle on next arrivals",
    paper="Wei, Better and simpler learning-augmented online caching, APPROX 2020",
    adapts="which page is evicted, on a predicted next arrival per request",
    no_signal="predictions stand in the trace, request by request; `shuffled_bits` has those of other requests",
    fidelity="special-case",
)


@hook
def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict the furthest predicted arrival."""
    if is_full(cache):
        evict(cache, largest(notes, leaves_for(cache.slots)))


@hook
def serve(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Note the predicted arrival. Keys are 1 or more; 0 is an empty leaf."""
    enter(notes, leaves_for(cache.slots), cache.slot_of[page], hint + 1)


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Replay the trace with spoilt arrivals; notes are a tournament tree."""
    notes = 2 * leaves_for(case.slots)
    return task.replay(case, fault, serve, notes=notes, hints="arrival")

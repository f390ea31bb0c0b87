"""D2, MARK0: randomised paging on discard bits.

    a page served with bit 1 leaves the cache at once; with bit 0 it is marked
    S = the pages cached when the phase began, unmarked then
    on a fault of p:
        p was in S: throwing it out was a mistake; a random unmarked page pays for it
        else, cache full: (all marked: begin a phase) evict a random unmarked page

A discard bit says whether Belady would evict the page before its next request. True bits
make room before it is needed, and the faults are exactly Belady's. A wrong 1 costs one
fault; a wrong 0 keeps a page that fills a slot, and random eviction finds it after H_k
mistakes on average:

    E[faults] <= OPT + 2 H_k eta0 + eta1

It follows its bits blindly. On a circle of k + 1 pages with random bits it
pays far more than Marker: that is what `combiner` is for.

**Fidelity.** Reconstructed from a third-party simulator's version; the identity at noise 0
and the bound are checked in every run. The member of S that pays is drawn even when there
is room, as the pseudocode says.

**What to expect.** Written before measuring, from the card. faults / OPT at noise
0 / .01 / .1 / .5: Zipf 1.00 / 1.06 / 1.32 / 2.01, scans 1.00 / 1.06 / 1.31 / 1.97, circle
1.00 / 1.98 / 10.3 / 47.7, Markov 1.00 / 1.04 / 1.21 / 1.56. Better than LRU on Zipf up to
5 % wrong bits; faults rise with the noise on every trace.

**Ways to fake it.** Taking the first unmarked page; bits from LRU or from a threshold on
next arrivals; storing bits on faults only; showing symmetric noise alone.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.paging.substrate.cache_engine import (
    Cache,
    Evicts,
    Floats,
    Ints,
    evict,
    hook,
)
from adabench.workloads.algorithms.paging.substrate.marking import (
    board_size,
    make_room_mark0,
    serve_mark0,
)
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace

CARD = Card(
    title="MARK0 on discard bits (D2)",
    paper="Paging with Succinct Predictions, arXiv 2210.02775, ICML 2023",
    slug="paging",
    adapts="which page is evicted, on one discard bit per request",
    no_signal="bits stand in the trace, request by request; `shuffled_bits` has those of other requests",
    fidelity="reconstructed",
)
STREAMS = 20


@hook
def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict the page that MARK0 picks, if it picks one."""
    victim = make_room_mark0(cache, notes, 0, page)
    if victim >= 0:
        evict(cache, cache.slot_of[victim])


@hook
def serve(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Mark the page, or let it leave."""
    serve_mark0(notes, 0, cache.slots, page, hint)
    if hint == 1:
        evict(cache, cache.slot_of[page])


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Replay the trace with its discard bits under the 20 coin streams its bound asks for."""
    return task.replay(
        case,
        fault,
        serve,
        notes=board_size(case.slots, case.n_pages),
        hints="discard",
        evicts=Evicts.EARLY,
        streams=STREAMS,
    )

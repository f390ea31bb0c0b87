"""D3, MARK&PREDICT: Marker that prefers pages predicted to be absent from the next phase.

Cut the input into k-phases, maximal runs with k distinct pages. A phase bit is 0 iff the
page is requested in the *following* phase of the input.

    marking as usual; on a fault with a full cache:
        all marked -> unmark all
        some unmarked page carries bit 1 -> evict a random one of those
        else                             -> evict a random unmarked page
    serve, mark, store the bit (hits included: the latest bit counts)

True bits make it 2-competitive. Since it never leaves Marker's frame, bits of any quality
cost at most a logarithm, without a second algorithm to fall back on:

    E[faults] <= 2 OPT + H_k eta0 + eta1       and       <= (2 H_k + 1) OPT

Here unmarked pages with bit 1 stand in a part of the board of their own (`marking.py`), so
that a draw is O(1); the parts are formed once a phase, since the bits of unmarked pages
cannot change.

**Fidelity.** Reconstructed from a third-party simulator's version; both bounds are checked
in every run.

**What to expect.** Written before measuring, from the card. faults / OPT at noise
0 / .1 / .5 / 1: Zipf 1.51 / 1.55 / 1.70 / 1.91, scans 1.42 / 1.45 / 1.57 / 1.74, circle
1.00 / 3.13 / 4.99 / 5.93, Markov 1.45 / 1.47 / 1.55 / 1.65. Never near 1 on Zipf, never
above 6 on the circle: the opposite bargain to MARK0's.

**Ways to fake it.** Phases recomputed from the algorithm's own faults; the first unmarked
page for a random one; bits updated on faults only.
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
from adabench.workloads.algorithms.paging.substrate.marking import (
    board_size,
    doubt,
    drop_random,
    mark,
    member,
    start_phase,
    unmarked,
)
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace

CARD = Card(
    title="MARK&PREDICT on phase bits (D3)",
    paper="Paging with Succinct Predictions, arXiv 2210.02775, ICML 2023",
    slug="paging",
    adapts="which unmarked page is evicted, on one phase bit per request",
    no_signal="bits stand in the trace, request by request; `shuffled_bits` has those of other requests",
    fidelity="reconstructed",
)
STREAMS = 20


@hook
def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict a random page among the unmarked, a doubted one if there is any."""
    if not is_full(cache):
        return
    if unmarked(notes, 0) == 0:
        start_phase(notes, 0, cache.slots)
        bit = board_size(cache.slots, cache.n_pages)
        for i in range(cache.slots):
            if notes[bit + member(notes, 0, i)] == 1:
                doubt(notes, 0, cache.slots, i)
    evict(cache, cache.slot_of[drop_random(cache, notes, 0)])


@hook
def serve(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Mark the page and store its bit. Notes: a board, then bit (n_pages,)."""
    mark(notes, 0, cache.slots, page)
    notes[board_size(cache.slots, cache.n_pages) + page] = hint


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Replay the trace with its phase bits under the 20 coin streams its bound asks for."""
    notes = board_size(case.slots, case.n_pages) + case.n_pages
    return task.replay(case, fault, serve, notes=notes, hints="phase", streams=STREAMS)

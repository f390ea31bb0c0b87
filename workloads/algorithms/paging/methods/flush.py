"""D1, the flush rule: deterministic paging on discard bits.

    on a fault with a full cache:  a cached page carries bit 1  ->  evict one such page
                                   none does                    ->  evict all pages
    then serve, and store the new bit on the page, hits included

A discard bit says whether Belady would evict the page before its next request. With true
bits some cached page always carries a 1 when room is needed, so the rule never flushes and
faults exactly as often as Belady. Of the errors, a 0 that should be 1 may cause a flush and
k - 1 further faults; a 1 that should be 0 costs the one fault of fetching the page again:

    faults <= OPT + (k - 1) eta0 + eta1        (surely, on every input)

No deterministic policy with one bit can have alpha + beta < k, so k - 1 is best possible.
Follows its bits blindly: nothing bounds the damage of many wrong 1s.

**Fidelity.** The rule is recalled, not read from the paper's text; its bound is checked in
every run. Any choice among the pages that carry 1 is allowed: here the one told last.

**What to expect.** Written before measuring, from the card. faults / OPT at noise
0 / .1 / .5: Zipf 1.00 / 1.61 / 1.94, scans 1.00 / 1.53 / 1.82, circle 1.00 / 1.72 / 1.76,
Markov 1.00 / 1.45 / 1.61. Under `fall` (1 -> 0) it should suffer more per error than under
`rise`, for beta is k - 1 and gamma is 1.

**Ways to fake it.** Computing the bits from the future inside the hooks; storing them on
faults only; calling a threshold on the next arrival a discard bit.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.paging.substrate.cache_engine import (
    Cache,
    Evicts,
    Floats,
    Ints,
    evict,
    hook,
    is_full,
)
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace

CARD = Card(
    title="Flush rule on discard bits (D1)",
    paper="Paging with Succinct Predictions, arXiv 2210.02775, ICML 2023",
    slug="paging",
    adapts="which page is evicted, on one discard bit per request",
    no_signal="bits stand in the trace, request by request; `shuffled_bits` has those of other requests",
    fidelity="reconstructed",
)


@hook
def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict the slot told last to be discarded, else flush."""
    if not is_full(cache):
        return
    if notes[0] > 0:
        slot = notes[notes[0]]
        notes[0] -= 1
        notes[1 + cache.slots + slot] = 0
        evict(cache, slot)
        return
    for slot in range(cache.slots):
        evict(cache, slot)


@hook
def serve(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Store the bit. Notes: count, stack (k,) of slots with bit 1, place (k,) in it or 0."""
    slot, place = cache.slot_of[page], 1 + cache.slots
    if hint == 1 and notes[place + slot] == 0:
        notes[0] += 1
        notes[notes[0]] = slot
        notes[place + slot] = notes[0]
    elif hint == 0 and notes[place + slot] > 0:
        last = notes[notes[0]]
        notes[notes[place + slot]] = last
        notes[place + last] = notes[place + slot]
        notes[place + slot] = 0
        notes[0] -= 1


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Replay the trace with its discard bits."""
    notes = 1 + 2 * case.slots
    return task.replay(case, fault, serve, notes=notes, hints="discard", evicts=Evicts.ONE_OR_ALL)

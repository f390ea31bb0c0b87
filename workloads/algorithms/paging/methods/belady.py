"""Belady's rule (LFD): evict the page whose next request is furthest in the future.

The oracle of this task, exact: no policy, online or not, faults less on the same trace
with the same cache. It needs the whole future, here as one hint per request: the index of
the page's next use. The task's OPT is computed by other code (`hindsight.py`) from the same
numbers, and the two must agree to the fault.

Ties. Pages that are never requested again have the distinct next uses T + page, so there
is one tie rule everywhere. The cold misses are charged, as to everybody.

**What to expect.** ratio = 1 and gain = 1 in every cell, by construction.

**Ways to fake it.** A larger cache, free cold misses, or a tie rule of its own.
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
    title="Belady (longest forward distance)",
    paper="Belady, A study of replacement algorithms for a virtual-storage computer, 1966",
    adapts="which page is evicted, on the whole future",
    role="oracle",
    oracle="exact",
)


@hook
def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict the furthest next use."""
    if is_full(cache):
        evict(cache, largest(notes, leaves_for(cache.slots)))


@hook
def serve(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Note the next use of the page just served. Keys are 1 or more; 0 is an empty leaf."""
    enter(notes, leaves_for(cache.slots), cache.slot_of[page], hint + 1)


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Replay the trace with the whole future as hints; notes are a tournament tree."""
    notes = 2 * leaves_for(case.slots)
    return task.replay(case, fault, serve, notes=notes, hints="next")

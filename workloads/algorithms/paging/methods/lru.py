"""LRU: evict the page that was requested longest ago.

The baseline of every cache. It adapts to nothing: one fixed rule, no prediction. It is
k-competitive, and no deterministic policy without predictions is better in the worst case.

Here: a circular list of all slots in order of use, with one extra node as its head. The
slots that are still empty are in it too, at the old end, so a slot never enters or leaves
the list; being served moves it to the front. O(1) a request.

**What to expect.** Written before measuring, from the card: 1.67 x OPT on Zipf(0.8), 1.54
with scans, 1.55 on the Markov chain, and 95 x OPT on the circle of k + 1 pages, where it
faults on every request.

**Ways to fake it.** Stamping pages only when they fault is FIFO.
"""

import numpy as np

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
    title="Least recently used",
    paper="Sleator and Tarjan, Amortized efficiency of list update and paging rules, 1985",
    adapts="nothing: the page unused for longest goes",
    role="static",
)


@hook
def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict the slot behind the head: the least recent one."""
    if is_full(cache):
        evict(cache, notes[cache.slots + 1 + cache.slots])


@hook
def serve(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Move the page's slot to the front. Notes: after (k + 1,), before (k + 1,)."""
    head, before = cache.slots, cache.slots + 1
    slot = cache.slot_of[page]
    if notes[head] == slot:
        return
    left, right = notes[before + slot], notes[slot]
    notes[left], notes[before + right] = right, left
    first = notes[head]
    notes[head], notes[before + slot] = slot, head
    notes[slot], notes[before + first] = first, slot


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Replay the trace with slots 0, 1, 2, ... in a circle closed by the head."""
    nodes = np.arange(case.slots + 1)
    circle = np.concatenate((np.roll(nodes, -1), np.roll(nodes, 1)))
    return task.replay(case, fault, serve, notes=circle)

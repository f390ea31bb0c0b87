"""The control: MARK0 on discard bits whose order has been drawn at random.

The bits of the whole trace are permuted, so there are as many 1s as in MARK0's own stream
and nothing else is left of them. What MARK0 gains over this policy is due to what the bits
say; what this policy gains over Marker would be due to evicting at that rate.

**What to expect.** Written before measuring: worse than MARK0 wherever the bits are mostly
right, and worse than Marker, for a random 1 throws out a page that may be popular.

**Ways to fake it.** Bits at another rate than MARK0's.
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
    title="MARK0 on shuffled bits",
    adapts="which page is evicted, on bits without content",
    role="control",
)
STREAMS = 3


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
    """Replay the trace with shuffled bits."""
    return task.replay(
        case,
        fault,
        serve,
        notes=board_size(case.slots, case.n_pages),
        hints="shuffled",
        evicts=Evicts.EARLY,
        streams=STREAMS,
    )

"""The combiner: follow MARK0 while it is the cheaper, else Marker.

MARK0 is optimal with good bits and ruinous with bad ones; Marker never reads them. The
combiner runs both in simulation on every request and owns a third cache, the real one,
which holds whatever it holds. On a fault of the real cache it evicts, lazily, a page that
the simulation it follows does not hold; one always exists, since that simulation too has
to make room. When the followed simulation has cost more than (1 + epsilon) times the other,
the combiner follows the other; being lazy, a switch moves nothing by itself and costs at
most k later faults. Only the faults of the real cache count.

    follow i;   cost_i > (1 + epsilon) cost_j   ->   follow j

Between two switches a cost must grow by (1 + epsilon), so there are few switches. Where one
of the two is cheaper for good, the real cost is that one's, times 1 + epsilon, plus a
multiple of k. Where the two take turns at being bad, a deterministic rule can pay for both:
the sharper statement of the paper, (1 + epsilon) min + O(k / epsilon), is for the randomised
rule (multiplicative weights), which is not here.

**Fidelity.** The paper calls on a standard combiner; this deterministic rule is recalled,
not read from its text.

**What to expect.** Written before measuring, from the card: at most 1.25 times the better
of the two, plus 10 k, on every trace and at every noise rate. On Zipf at 10 % noise it
should be MARK0 (1.32), on the circle Marker (5.0) from 10 % on.

**Ways to fake it.** Counting the cheaper simulation's faults; taking the minimum of two
finished runs, which knows the future; simulations that share the real cache's pages.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.paging.substrate.cache_engine import (
    Cache,
    Floats,
    Ints,
    compiled,
    evict,
    hook,
    is_full,
)
from adabench.workloads.algorithms.paging.substrate.marking import (
    board_size,
    holds,
    make_room,
    make_room_mark0,
    mark,
    serve_mark0,
)
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import Trace

CARD = Card(
    title="Combiner of MARK0 and Marker",
    paper="Paging with Succinct Predictions, arXiv 2210.02775, ICML 2023",
    slug="paging",
    adapts="which of two policies is followed, on their simulated costs so far",
    no_signal="it counts the faults of its own two simulations; the bits stand in the trace, and "
    "`shuffled_bits` deals them",
    fidelity="reconstructed",
    moved_from="paging/combined",
    knobs=(Knob("epsilon", (0.05, 0.1, 0.5), 0.1, open=True, low=0.0),),
)
STREAMS = 3
FOLLOWED, COST, SIMULATED, HAND, BOARD = 0, 1, 3, 4, 5
"""Notes: the followed simulation (0: MARK0, 1: Marker), two costs, whether this request has
been simulated, where the real cache looks next, then the boards of MARK0 and of Marker."""


@compiled
def simulate_fault(cache: Cache, notes: Ints, page: int) -> None:
    """Let both simulations make room for `page` where they miss it."""
    mark0, marker = BOARD, BOARD + board_size(cache.slots, cache.n_pages)
    if not holds(notes, mark0, cache.slots, page):
        notes[COST] += 1
        make_room_mark0(cache, notes, mark0, page)
    if not holds(notes, marker, cache.slots, page):
        notes[COST + 1] += 1
        make_room(cache, notes, marker)
    notes[SIMULATED] = 1


@hook
def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict the next page around the hand that the followed simulation does not hold."""
    slots = cache.slots
    simulate_fault(cache, notes, page)
    if not is_full(cache):
        return
    board = BOARD + notes[FOLLOWED] * board_size(slots, cache.n_pages)
    while holds(notes, board, slots, cache.page_in[notes[HAND]]):
        notes[HAND] += 1
        if notes[HAND] == slots:  # a remainder costs 25 cycles
            notes[HAND] = 0
    evict(cache, notes[HAND])


@hook
def serve(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Finish the request in both simulations, then choose whom to follow."""
    slots = cache.slots
    if notes[SIMULATED] == 0:
        simulate_fault(cache, notes, page)
    notes[SIMULATED] = 0
    serve_mark0(notes, BOARD, slots, page, hint)
    mark(notes, BOARD + board_size(slots, cache.n_pages), slots, page)
    followed = notes[FOLLOWED]
    if notes[COST + followed] > (1 + weights[0]) * notes[COST + 1 - followed]:
        notes[FOLLOWED] = 1 - followed


def solve(task: Paging, case: Trace, point: Point) -> Replay:
    """Replay the trace with its discard bits, starting with MARK0."""
    return task.replay(
        case,
        fault,
        serve,
        notes=BOARD + 2 * board_size(case.slots, case.n_pages),
        weights=np.array([float(point["epsilon"])]),
        hints="discard",
        streams=STREAMS,
    )

"""Predicted updates: the offline recursion over time, lifted to fully dynamic connectivity.

If all deletion times are known, a binary tree over time holds each edge at the O(log T) nodes
that make up its interval, and a walk over the leaves keeps the unions of the current path on a
stack. Here the times are *predictions*, given at the insertion, and wrong: the path is repaired
as errors come to light (`lifting.py`).

    deleted early, believed until t^ > t   undo down to the child of LCA(t, t^) on our side, and
                                           walk down again without the edge
    still alive when believed to end       believe 1, 2, 4, ... updates more; no repair
    inserted                               its nodes lie ahead; no repair

With a uniformly random shift of the time tree that child has O(|t - t^| log T) leaves in
expectation, so the work is O((T + l1) polylog) for l1 = sum |t - t^|; offline when l1 = 0.

**Signal.** The predicted deletion time of the edge being inserted, and at its deletion how
wrong it was. One update is the granularity.

**The backstop.** With `backstop=on` a spanning forest (`dynamic_forest.py`) serves the same
updates. Of the two structures the one that has spent less so far goes on until one of them is up to
date; that one answers. With c the cost of one update, on every stream and whatever the predictions,

    work <= 2 min(predicted alone, forest alone) + c        (`guard_bound`, checked in each run)

**Fidelity.** The paper is theory and treats general recursions with predicted insertions and
deletions. The repair rule, the shift and the doubling for predicted deletions alone are
reconstructed; no code was published.

**What to expect.** Written before measuring, from the card. Unions per update at n = 2,000 and
noise 0 / 10 / 100 / 1,000 on random streams: 5.3 / 18 / 85 / 273, and rebuilding at each
deletion 562. Work should win over rebuilding up to noise 1,000, the clock much less far. The
spanning forest should be cheaper than even perfect predictions on random graphs, and dearer on
the ring.

**Ways to fake it.** The true end in the canonical interval (hooks see the past alone, and the
check gives streams other futures); rebuilding the whole path always (unions would not fall
with the error); no repair after an early deletion (half of the queries ask for deleted edges);
compressing paths that are to be undone; noise that clipping takes away; leaving the insertions at
canonical nodes out of the work (they are `stores`).
"""

from functools import partial
from typing import NamedTuple, cast

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.algorithms.connectivity.substrate.dynamic_forest import (
    Forest,
    forest,
    forest_query,
    forest_update,
)
from adabench.workloads.algorithms.connectivity.substrate.lifting import (
    LiftedRecursion,
    lift_query,
    lift_update,
    lifted_recursion,
)
from adabench.workloads.algorithms.connectivity.substrate.replay import Connectivity, Kind, Service
from adabench.workloads.algorithms.connectivity.substrate.update_loop import (
    Ints,
    Net,
    Small,
    Start,
    hook,
    spent,
)
from adabench.workloads.algorithms.connectivity.substrate.update_streams import Stream

CARD = Card(
    title="Predicted updates, lifted offline recursion",
    paper="The Predicted-Updates Dynamic Model, arXiv 2307.08890, COLT 2024",
    slug="predicted-updates",
    adapts="how much of a recursion over time is rebuilt, on how wrong the predicted deletion "
    "time of the current update was",
    no_signal="predictions stand in the stream; `shuffled_predictions` deals them to other edges",
    fidelity="reconstructed",
    knobs=(
        Knob("backstop", ("off", "on"), "off"),
        Knob("shift", ("random", "none"), "random"),
    ),
    fixed={"hints": "given"},
    variants=(
        Variant(
            "shuffled_predictions",
            "Lifted recursion on shuffled predictions",
            {"hints": "shuffled", "backstop": "off", "shift": "random"},
            adapts="what is rebuilt, on predictions without content",
            conditions={"noise": 1.0, "n": 1000},
            moved_from="connectivity/shuffled",
            essay="""The control: predicted lifetimes that have been shuffled among the edges.

            As many long and short beliefs as the method is told, each on a random edge: the right
            distribution and no content. What the method gains over this is what predictions say.

            **What to expect.** Written before measuring: the work of predictions at very large noise where
            lifetimes vary, hence more than with nearly right predictions. In fifo streams all lifetimes
            are equal, shuffling changes little, and the control should be about as good as the method.

            **Ways to fake it.** Lifetimes of another distribution.
            """,
        ),
        Variant(
            "unshifted",
            "Lifted recursion without the random shift",
            {"backstop": "off", "shift": "none"},
            adapts="what is rebuilt, on predictions, with the time tree where the adversary expects it",
            conditions={"noise": 100.0, "n": 1000},
            essay="""The ablation: the lifted recursion on a time tree that is not shifted.

            Without the random shift an adversary knows where the tree's large nodes meet. Dyadic streams
            delete 64 edges in a row just before multiples of 512 and predict them for the multiple: errors
            of at most 64, each of which repairs a node of 512 leaves or more.

            **What to expect.** Written before measuring: at noise 100 (which lets the adversary move all 64)
            at least twice the unions of the shifted tree, as a geometric mean over seeds; on the other
            families no difference. One shift serves a whole stream, and the boundaries are all alike
            modulo 512, so single seeds vary much: some shifts are as bad as none.

            **Ways to fake it.** Dyadic streams whose error is larger than stated; a shift that is redrawn.
            """,
        ),
    ),
)


class StructurePair(NamedTuple):
    """Two structures on one history, each at its own pace."""

    lift: LiftedRecursion
    wood: Forest
    edges: Small
    """(T,) the history: the edge of each update so far,"""
    opens: Small
    """(T,) whether it was inserted,"""
    hints: Small
    """(T,) and what was predicted."""
    done: Ints
    """(2,) updates that the lifted recursion and the forest have served."""
    paid: Ints
    """(2,) steps that each has spent."""


def structure_pair(start: Start, shift: str) -> StructurePair:
    """Return both structures before the first update."""
    history = np.zeros((3, start.horizon), np.int32)
    pace = np.zeros((2, 2), np.int64)
    return StructurePair(lifted_recursion(start, shift), forest(start), *history, *pace)


@hook
def pair_update(net: Net, notes: StructurePair, t: int, edge: int, opens: int, hint: int) -> None:
    """Write the update down and let the cheaper structure go on until one is up to date."""
    notes.edges[t], notes.opens[t], notes.hints[t] = edge, opens, hint
    while notes.done[0] <= t and notes.done[1] <= t:
        before = spent(net)
        which = 0 if notes.paid[0] <= notes.paid[1] else 1
        at = notes.done[which]
        gone, sign, told = notes.edges[at], notes.opens[at], notes.hints[at]
        if which == 0:
            lift_update(net, notes.lift, at, gone, sign, told)
        else:
            forest_update(net, notes.wood, at, gone, sign, told)
        notes.done[which] += 1
        notes.paid[which] += spent(net) - before


@hook
def pair_query(net: Net, notes: StructurePair, a: int, b: int) -> bool:
    """Ask a structure that is up to date; both may be, then the forest."""
    before = spent(net)
    if notes.done[1] >= notes.done[0]:
        found = forest_query(net, notes.wood, a, b)
        notes.paid[1] += spent(net) - before
    else:
        found = lift_query(net, notes.lift, a, b)
        notes.paid[0] += spent(net) - before
    return bool(found)


def solve(task: Connectivity, case: Stream, point: Point) -> Service:
    """Serve the stream with the predictions."""
    shift, hints = str(point["shift"]), cast(Kind, point["hints"])
    if point["backstop"] == "on":
        pair = partial(structure_pair, shift=shift)
        return task.serve(case, pair_update, pair_query, pair, hints=hints)
    lifted = partial(lifted_recursion, shift=shift)
    return task.serve(case, lift_update, lift_query, lifted, hints=hints)

"""The loop over the updates, which calls a method's hooks, and the ledger of steps.

Per update it puts the edge into the method's view (or takes it out), calls `update`, then `query`:

    update(net, notes, t, edge, opens, hint)    an edge was inserted (opens) or deleted
    query(net, notes, a, b) -> bool             are a and b connected now?

A hook sees the past alone. `hint` is the predicted deletion time of the edge just inserted, -1 without one;
`notes` are the method's own arrays, a named tuple.

**The ledger** counts elementary steps, one for each time that a list, a table or a tree is looked at or written:

    unions    edges handed to a union-find (attempts, successful or not)
    finds     parents or labels read
    scans     list entries read: of a time-tree node, of a vertex, of an expiry bucket
    stores    list entries and labels written, unions undone

The parts count as they go: a method is made of parts and counts nothing itself. Trap: numba's disk cache
watches this file alone, so `bound` mixes a digest of all sources concerned into the cache's key.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from adabench.workloads.shared.compiled import kernels
from adabench.workloads.shared.compiled.arrays import unwritten
from adabench.workloads.shared.compiled.hooks import bound

Ints = NDArray[np.int64]
Small = NDArray[np.int32]
Flags = NDArray[np.uint8]
Function = TypeVar("Function", bound=Callable[..., Any])

UNIONS, FINDS, SCANS, STORES, REACH, ERROR, FULL = 0, 1, 2, 3, 4, 5, 6
COUNTERS = 4
"""Those of the ledger that are steps. Besides: `REACH`, leaves below the nodes that were repaired;
`ERROR`, the l1 error of what was believed; `FULL`, room ran out."""


class Net(NamedTuple):
    """What a hook sees of the graph. Read it; change the method's own notes."""

    n: int
    """Vertices."""
    horizon: int
    """T, the number of updates; it is known beforehand, as in the model."""
    left: Small
    """(m,) an endpoint of each edge inserted so far; -1 before that."""
    right: Small
    kind: Small
    """(m,) an observable class of the edge."""
    ledger: Ints
    """(7,) unions, finds, scans, stores, then what is no step."""


class Start(NamedTuple):
    """What a method may know before the first update, from which it makes its notes."""

    n: int
    edges: int
    """Insertions in all, so that arrays have their size; a bound would do as well."""
    horizon: int
    coin: int
    """The method's own coin: a uniform integer in [0, 2^62)."""
    room: int
    """How many list entries to make place for; asked for again, doubled, if they run out."""


uncounted: Any = partial(cast(Any, njit), _nrt=False)
"""`_nrt` is an option that numba's type hints do not name."""


def part(function: Function) -> Function:
    """Compile a shared part that hooks call; it is inlined into the engines.

    References to arrays are not counted (`_nrt=False`: a part may not allocate, and the caller
    holds its arrays): an atomic instruction for each array of each call would outweigh most steps.
    """
    return cast(Function, uncounted()(function))


hook = part
"""Make a method's `update` or `query`."""


@part
def spent(net: Net) -> int:
    """Return the steps counted so far."""
    ledger = net.ledger
    return int(ledger[UNIONS] + ledger[FINDS] + ledger[SCANS] + ledger[STORES])


def update(net: Net, notes: Any, t: int, edge: int, opens: int, hint: int) -> None:
    """Stand for a method's hook in the loop below; `engine` binds the name to a real one."""


def query(net: Net, notes: Any, a: int, b: int) -> bool:
    """Stand for a method's hook."""
    return a == b


def _serve(
    opens: Flags,
    edges: Small,
    ends: tuple[Small, Small, Small],
    pairs: tuple[Small, Small],
    hints: Small,
    net: Net,
    notes: Any,
    answers: Flags,
    trail: Ints,
) -> int:
    """Serve all updates and queries once; return the most steps that one update took.

    `ends` are (T,) each: endpoints and kind of the edge of each update. `hints` may be empty.
    Unless empty, `trail` (T,) becomes the steps spent after each update.
    """
    worst = 0
    before = 0
    for t in range(len(edges)):
        edge = int(edges[t])
        if opens[t]:
            net.left[edge] = ends[0][t]
            net.right[edge] = ends[1][t]
            net.kind[edge] = ends[2][t]
        update(net, notes, t, edge, opens[t], hints[t] if len(hints) > 0 else -1)
        answers[t] = query(net, notes, pairs[0][t], pairs[1][t])
        after = spent(net)
        worst = max(worst, after - before)
        before = after
        if len(trail) > 0:
            trail[t] = after
        if net.ledger[FULL] != 0:
            break
    return worst


@cache
def engine(update: Callable[..., None], query: Callable[..., bool]) -> Callable[..., int]:
    """Return the loop with these two hooks inlined: compiled when called, or found on disk."""
    loop = bound(_serve, update=update, query=query)
    return cast(Callable[..., int], kernels.cached(loop, _nrt=False))


class Run(NamedTuple):
    """What the loop returns of one stream."""

    answers: Flags
    """(T,)"""
    ledger: Ints
    worst: int
    """Steps of the dearest update."""


def run_once(
    update: Callable[..., None],
    query: Callable[..., bool],
    notes: Any,
    stream: Any,
    hints: Small,
    trail: Ints | None = None,
) -> Run:
    """Serve a stream (see `update_streams.py`) from fresh notes."""
    horizon = len(stream.edges)
    left, right, kind = np.full((3, stream.insertions), -1, np.int32)
    net = Net(stream.n, horizon, left, right, kind, np.zeros(FULL + 1, np.int64))
    answers = np.zeros(horizon, np.uint8)
    ends = (stream.left, stream.right, stream.kind)
    pairs = (unwritten(stream.query_left), unwritten(stream.query_right))
    hints = unwritten(hints)
    heard = np.zeros(0, np.int64) if trail is None else trail
    serve = engine(update, query)
    worst = serve(stream.opens, stream.edges, ends, pairs, hints, net, notes, answers, heard)
    return Run(answers, net.ledger, int(worst))

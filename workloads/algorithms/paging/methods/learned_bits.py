"""Closing the loop: MARK0 on bits that are learned instead of given.

The discard bit of a request is predicted from what a cache can see of the page's past,

    gap        requests since the page's last request
    before     the gap before that one
    rate       requests for the page so far, per request
    new        whether this is its first request

by a logistic regression on log(gap), log(before), log(rate) and new. `prepare` trains it,
per case, on the first 20 % of the trace against Belady's bits *of that prefix alone*, so
that nothing behind the prefix can leak in. While the prefix is replayed the policy says 0
to every page (which makes MARK0 behave like Marker); from then on a bit is 1 where the
model's probability is above `threshold`. The given hints are not used, so the condition
`noise` does not touch this method: its errors are its own.

Belady's bits on the prefix end with the prefix: pages seen near its end are labelled "keep"
because there was no time left to evict them.

**Fidelity.** Not in the paper, which takes the bits as given; a demonstration.

**What to expect.** Written before measuring: fewer faults than LRU over the suite. Clearly
so on Zipf and with scans (popularity is stationary, a scanned page is new and goes at
once), and on the circle (where bits of 0 make it Marker); a few per cent on the docs; nothing
on the Markov chain, perhaps a loss. Above MARK0 with 1 % noise everywhere.

**Ways to fake it.** Training on the whole trace, or on labels computed from the whole
trace; acting on the model inside its own training prefix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.paging.substrate.cache_engine import (
    Bits,
    Cache,
    Evicts,
    Floats,
    Ints,
    Pages,
    compiled,
    evict,
    hook,
)
from adabench.workloads.algorithms.paging.substrate.furthest_use import evict_largest, next_use
from adabench.workloads.algorithms.paging.substrate.marking import (
    board_size,
    make_room_mark0,
    serve_mark0,
)
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay
from adabench.workloads.algorithms.paging.substrate.traces import PREFIX, Trace

CARD = Card(
    title="MARK0 on learned bits",
    paper="none: closes the loop of arXiv 2210.02775",
    adapts="which page is evicted, on a bit predicted from recency and frequency",
    no_signal="its bits come from the trace's own past, inside one compiled loop; `shuffled_bits` has those of "
    "other requests",
    fidelity="special-case",
    moved_from="paging/learned",
    knobs=(Knob("threshold", (0.3, 0.5, 0.7), 0.5, open=True, low=0.0, high=1.0),),
)
STREAMS = 3
FEATURES = 5
NEVER = -30.0
"""An intercept at which the model never says 1."""


@dataclass(frozen=True)
class BitModels:
    """The task and, per case, the model and the length of its training prefix."""

    task: Paging
    models: Mapping[float, Floats]
    """By instance: FEATURES coefficients, the first an intercept."""


@compiled
def logit(now: int, last: int, before: int, count: int, w: Floats) -> float:
    """Return the log odds of "discard" for a page requested now.

    `last` is 1 + the time of its last request (0: none), `before` the gap that ended
    there (0: none), `count` its requests so far, this one not included.
    """
    gap = now + 1 - last
    earlier = before if before > 0 else now + 1
    rate = (count + 1) / (now + 1)
    seen = w[0] + w[1] * log(gap) + w[2] * log(earlier) + w[3] * log(rate)
    return float(seen + w[4] if last == 0 else seen)


@compiled
def table(pages: Pages, n_pages: int) -> Floats:
    """Return the features (T, FEATURES) of every request, by `logit` with unit weights."""
    rows = np.empty((len(pages), FEATURES))
    units = np.eye(FEATURES)
    past = np.zeros(3 * n_pages, np.int64)
    for now in range(len(pages)):
        page = pages[now]
        last, before, count = past[page], past[n_pages + page], past[2 * n_pages + page]
        for j in range(FEATURES):
            rows[now, j] = logit(now, last, before, count, units[j])
        observe(past, 0, n_pages, now, page)
    return rows


@compiled
def observe(notes: Ints, base: int, n_pages: int, now: int, page: int) -> None:
    """Note a request. Notes from `base`: last, before, count, (n_pages,) each."""
    last = notes[base + page]
    notes[base + n_pages + page] = now + 1 - last if last > 0 else 0
    notes[base + page] = now + 1
    notes[base + 2 * n_pages + page] += 1


def fit(rows: Floats, bits: Bits) -> Floats:
    """Return the coefficients of a logistic regression with a slight ridge, by Newton's method."""
    w = np.zeros(FEATURES)
    if not bits.any():
        w[0] = NEVER
        return w
    ridge = 1e-3 * len(bits) * np.diag([0.0, 1.0, 1.0, 1.0, 1.0])
    for _ in range(12):
        p = 1 / (1 + np.exp(-np.clip(rows @ w, -30, 30)))
        hessian = (rows * (p * (1 - p) + 1e-9)[:, None]).T @ rows + ridge
        w -= np.linalg.solve(hessian, rows.T @ (p - bits) + ridge @ w)
    return w


def train(known: Trace) -> Floats:
    """Fit a model to the prefix of a trace."""
    ahead = next_use(known.pages, known.n_pages)
    _, bits = evict_largest(known.pages, ahead, known.slots, known.n_pages)
    return fit(table(known.pages, known.n_pages), bits)


def prepare(task: Paging, point: Point, seed: int) -> BitModels:
    """Train one model per case, on its first fifth."""
    return BitModels(task, {known.instance: train(known) for known in task.training()})


def pack(state: BitModels) -> dict[float, Floats]:
    """Return what is worth storing: the models."""
    return dict(state.models)


def unpack(task: Paging, point: Point, data: dict[float, Floats]) -> BitModels:
    """Go on with stored models."""
    return BitModels(task, data)


@hook
def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict the page that MARK0 picks, if it picks one."""
    victim = make_room_mark0(cache, notes, 1, page)
    if victim >= 0:
        evict(cache, cache.slot_of[victim])


@hook
def serve(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Predict the bit, mark the page or let it leave, and note the request.

    Notes: the time, a board, the past of `observe`. Weights: the model, then the log odds
    to exceed and the time from which to listen.
    """
    n_pages, now = cache.n_pages, notes[0]
    past = 1 + board_size(cache.slots, n_pages)
    bit = 0
    if now >= weights[FEATURES + 1]:
        last, before = notes[past + page], notes[past + n_pages + page]
        count = notes[past + 2 * n_pages + page]
        bit = int(logit(now, last, before, count, weights) > weights[FEATURES])
    observe(notes, past, n_pages, now, page)
    notes[0] = now + 1
    serve_mark0(notes, 1, cache.slots, page, bit)
    if bit == 1:
        evict(cache, cache.slot_of[page])


def solve(state: BitModels, case: Trace, point: Point) -> Replay:
    """Replay the trace with the model's own bits."""
    p = float(point["threshold"])
    odds = np.log(p / (1 - p)) if 0 < p < 1 else np.inf * (p - 0.5)
    weights = np.array([*state.models[case.instance], odds, int(PREFIX * len(case.pages))])
    return state.task.replay(
        case,
        fault,
        serve,
        notes=1 + board_size(case.slots, case.n_pages) + 3 * case.n_pages,
        weights=weights,
        evicts=Evicts.EARLY,
        streams=STREAMS,
    )

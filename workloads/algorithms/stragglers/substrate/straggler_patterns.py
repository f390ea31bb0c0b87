"""The straggler models of the coded schemes, and the time each scheme would take on known delays.

`bursty` is used by the schemes in a run and by the search on the probe alike. The kernels below it
simulate a scheme on a *probe*; `tests/workloads/algorithms/stragglers/test_straggler_patterns.py`
holds them against the engine, round by round.
"""

from typing import NamedTuple

import numpy as np

from adabench.workloads.algorithms.stragglers.substrate.delay_models import Flags, Floats, Ints
from adabench.workloads.shared.compiled.kernels import compiled

TINY = 1e-9


@compiled
def bursty(late: Flags, r: int, now: Flags, b: int, w: int, most: int) -> bool:
    """Tell whether round r with `now` (n,) late fits the (B, W, lambda)-bursty model.

    `late` (rounds, n) is the past; rows from r on are not read. In W consecutive rounds at most
    `most` workers are late, and the late rounds of each lie within B consecutive ones.
    """
    n, clash = len(now), False
    seen = now.copy()
    for q in range(max(0, r - w + 1), r):
        for i in range(n):
            seen[i] |= late[q, i]
        if q <= r - b:
            for i in range(n):
                clash |= late[q, i] & now[i]
    return bool(not clash and seen.sum() <= most)


@compiled
def few_each(late: Flags, r: int, now: Flags, w: int, s: int) -> bool:
    """Tell whether each of the last W rounds, r among them, has at most s late workers."""
    if now.sum() > s:
        return False
    most = 0
    for q in range(max(0, r - w + 1), r):
        most = max(most, late[q].sum())
    return most <= s


@compiled
def lateness(
    base: Floats, loads: Floats, alpha: float, mu: float, now: Flags
) -> tuple[float, float]:
    """Fill `now` with who is late among those with work; return the two ends of the round."""
    n = len(base)
    fastest, slowest = np.inf, 0.0
    for i in range(n):
        if loads[i] > 0:
            took = base[i] + alpha * loads[i]
            fastest, slowest = min(fastest, took), max(slowest, took)
    limit = (1 + mu) * fastest
    for i in range(n):
        now[i] = loads[i] > 0 and base[i] + alpha * loads[i] > limit
    return limit, slowest


@compiled
def code_time(base: Floats, jobs: int, s: int, alpha: float, mu: float) -> float:
    """Return the time of (n, s)-GC on delays (rounds, n)."""
    n = base.shape[1]
    now, loads = np.zeros(n, np.bool_), np.full(n, (s + 1) / n)
    total = 0.0
    for r in range(jobs):
        limit, slowest = lateness(base[r], loads, alpha, mu, now)
        late = now.sum()
        total += limit if 0 < late <= s else slowest
    return total


class LateWorkers(NamedTuple):
    """Who may be late in each round, whatever all are given to do: few of many workers."""

    fastest: Floats
    """(rounds,) delays without work."""
    slowest: Floats
    counts: Ints
    """(rounds,)"""
    who: Ints
    """(rounds, n) the first `counts` of each row."""


@compiled
def slow(base: Floats, mu: float) -> LateWorkers:
    """Find those that are late at some load that is the same for all: base > (1 + mu) fastest."""
    rounds, n = base.shape
    found = LateWorkers(
        np.empty(rounds),
        np.empty(rounds),
        np.zeros(rounds, np.int64),
        np.empty_like(base, np.int64),
    )
    for r in range(rounds):
        found.fastest[r], found.slowest[r] = base[r].min(), base[r].max()
        for i in range(n):
            if base[r, i] >= (1 - TINY) * (1 + mu) * found.fastest[r]:
                found.who[r, found.counts[r]] = i
                found.counts[r] += 1
    return found


@compiled
def _multiplexed(
    base: Floats, known: LateWorkers, start: int, jobs: int, b: int, w: int, most: int,
    alpha: float, mu: float, cost: float, enough: float,
) -> float:  # fmt: skip
    """Return the time from round `start` on, or infinity as soon as it is more than `enough`.

    As long as the model holds, and waiting makes it hold, a slot always has something to do
    unless its job is none, so that the loads are known without the results.
    """
    n, slots = base.shape[1], w - 1 + b
    late = np.empty((jobs + slots, known.counts.max()), np.int64)
    count = np.zeros(jobs + slots, np.int64)
    now, seen = np.zeros(n, np.int64), np.zeros(n, np.int64)
    total = 0.0
    for r in range(jobs + slots - 1):
        own = start + r
        work = alpha * (cost * (min(r, slots - 1) - max(0, r - jobs + 1) + 1))
        limit = (1 + mu) * (known.fastest[own] + work)
        many = 0
        for k in range(known.counts[own]):
            if base[own, known.who[own, k]] + work > limit:
                late[r, many] = known.who[own, k]
                many += 1
        if many > 0 and _spread(late, count, r, many, b, w, most, now, seen):
            count[r] = many
            total += limit
        else:
            total += known.slowest[own] + work
        if total > enough:
            return np.inf
    return total


@compiled
def _spread(
    late: Ints, count: Ints, r: int, many: int, b: int, w: int, most: int, now: Ints, seen: Ints
) -> bool:
    """Return what `bursty` does, from lists: `late` (rounds, n) holds `count` workers a round.

    `now` and `seen` (n,) hold the number of the round, plus 1, in which a worker was marked.
    """
    distinct = many
    for k in range(many):
        now[late[r, k]] = r + 1
        seen[late[r, k]] = r + 1
    for q in range(max(0, r - w + 1), r):
        for k in range(count[q]):
            i = late[q, k]
            if q <= r - b and now[i] == r + 1:
                return False
            distinct += seen[i] != r + 1
            seen[i] = r + 1
    return distinct <= most


@compiled
def repeating(missing: Flags, s: int, chosen: Flags) -> int:
    """Fill `chosen` with the first v - s of the v missing workers; return v - s, or 0."""
    chosen[:] = False
    extra = max(0, int(missing.sum()) - s)
    left = extra
    for i in range(len(missing)):
        if left and missing[i]:
            chosen[i] = True
            left -= 1
    return extra


@compiled
def _sequential(
    base: Floats, known: LateWorkers, start: int, jobs: int, b: int, w: int, most: int, s: int,
    alpha: float, mu: float,
) -> float:  # fmt: skip
    """Return the time from round `start` on.

    Up to the last job all have the same load; after it only those that repeat a part work. A job's
    missing parts are looked at once, when it is due: those whose workers were late, or repeated.
    """
    n = base.shape[1]
    work = alpha * ((s + 1) / n)
    late, count = np.empty((jobs + b, n), np.int64), np.zeros(jobs + b, np.int64)
    missing, lacks = np.empty((jobs, n), np.int64), np.zeros(jobs, np.int64)
    now, seen = np.zeros(n, np.int64), np.zeros(n, np.int64)
    everybody = np.arange(n)
    total = 0.0
    for r in range(jobs + b):
        due, own = r - b, start + r
        again = max(0, lacks[due] - s) if due >= 0 else 0
        chosen = missing[due, :again] if due >= 0 else everybody[:0]
        if r >= jobs and again == 0:
            continue
        if r < jobs:
            fastest, slowest = known.fastest[own] + work, known.slowest[own] + work
            among = known.who[own, : known.counts[own]]
        else:
            fastest, slowest = base[own][chosen].min() + work, base[own][chosen].max() + work
            among = chosen
        limit, many, saved = (1 + mu) * fastest, 0, again
        for i in among:
            if base[own, i] + work > limit:
                late[r, many] = i
                many += 1
        saved -= _shared(late[r, :many], chosen)
        few = many <= s and count[max(0, r - w + 1) : r + 1].max() <= s
        fits = many > 0 and (few or _spread(late, count, r, many, b, w, most, now, seen))
        if fits and due >= 0:
            fits = lacks[due] - saved <= s
        total += limit if fits else slowest
        count[r] = many if fits else 0
        if r < jobs:
            lacks[r] = _merged(late[r, : count[r]], chosen, missing[r])
    return total


@compiled
def _shared(one: Ints, other: Ints) -> int:
    """Return how many numbers two rising lists share."""
    i, j, found = 0, 0, 0
    while i < len(one) and j < len(other):
        found += one[i] == other[j]
        step = one[i] <= other[j]
        j += one[i] >= other[j]
        i += step
    return found


@compiled
def _merged(one: Ints, other: Ints, out: Ints) -> int:
    """Write the numbers of two rising lists into `out`, rising, each once; return how many."""
    i, j, count = 0, 0, 0
    while i < len(one) or j < len(other):
        if j == len(other) or (i < len(one) and one[i] <= other[j]):
            j += j < len(other) and one[i] == other[j]
            out[count] = one[i]
            i += 1
        else:
            out[count] = other[j]
            j += 1
        count += 1
    return count


@compiled
def mean_time_multiplexed(
    probe: Floats, jobs: int, table: Ints, costs: Floats, alpha: float, mu: float, starts: Ints,
    least: float, out: Floats,
) -> None:  # fmt: skip
    """Fill `out` with the mean time of each row (B, W, lambda) over windows of the probe.

    A row that takes more than the least of those before it, or than `least`, gets infinity.
    """
    known = slow(probe, mu)
    for k in range(len(table)):
        for start in starts:
            b, w, most = table[k, 0], table[k, 1], table[k, 2]
            enough = (1 + TINY) * least * len(starts) - out[k]
            out[k] += _multiplexed(
                probe, known, start, jobs, b, w, most, alpha, mu, costs[k], enough
            )
            if out[k] == np.inf:
                break
        out[k] /= len(starts)
        least = min(least, out[k])


@compiled
def mean_time_sequential(
    probe: Floats, jobs: int, table: Ints, alpha: float, mu: float, starts: Ints, out: Floats
) -> None:
    """Fill `out` with the mean time of each row (B, W, lambda, s) over windows of the probe."""
    known = slow(probe, mu)
    for k in range(len(table)):
        for start in starts:
            b, w, most, s = table[k, 0], table[k, 1], table[k, 2], table[k, 3]
            out[k] += _sequential(probe, known, start, jobs, b, w, most, s, alpha, mu)
        out[k] /= len(starts)

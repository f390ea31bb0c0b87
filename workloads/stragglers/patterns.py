"""The straggler models of the coded schemes, and the time each scheme would take on known delays.

`bursty` is used by the schemes in a run and by the search on the probe alike. The kernels below it
simulate a scheme on a *probe*; `tests/workloads/stragglers/test_planning.py` holds
them against the engine, round by round.
"""

from pathlib import Path

import numpy as np

from adabench.workloads.shared.compiled import compiled, digest_of
from adabench.workloads.stragglers.delays import Flags, Floats, Ints

kernel = compiled(digest_of([Path(__file__)]))


@kernel
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
    return not clash and seen.sum() <= most


@kernel
def few_each(late: Flags, r: int, now: Flags, w: int, s: int) -> bool:
    """Tell whether each of the last W rounds, r among them, has at most s late workers."""
    if now.sum() > s:
        return False
    most = 0
    for q in range(max(0, r - w + 1), r):
        most = max(most, late[q].sum())
    return most <= s


@kernel
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


@kernel
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


@kernel
def multiplexed_time(
    base: Floats, jobs: int, b: int, w: int, most: int, alpha: float, mu: float, cost: float
) -> float:
    """Return the time of M-SGC on delays (rounds, n), its T extra rounds included.

    As long as the model holds, and waiting makes it hold, a slot always has something to do
    unless its job is none, so that the loads are known without the results.
    """
    n, slots = base.shape[1], w - 1 + b
    late, now, loads = np.zeros((jobs + slots, n), np.bool_), np.zeros(n, np.bool_), np.zeros(n)
    total = 0.0
    for r in range(jobs + slots - 1):
        busy = 0
        for m in range(slots):
            busy += 0 <= r - m < jobs
        loads[:] = busy * cost
        limit, slowest = lateness(base[r], loads, alpha, mu, now)
        if now.any() and bursty(late, r, now, b, w, most):
            late[r] = now
            total += limit
        else:
            total += slowest
    return total


@kernel
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


@kernel
def sequential_time(
    base: Floats, jobs: int, b: int, w: int, most: int, s: int, alpha: float, mu: float
) -> float:
    """Return the time of SR-SGC on delays (rounds, n)."""
    n = base.shape[1]
    late, now = np.zeros((jobs + b, n), np.bool_), np.zeros(n, np.bool_)
    missing, chosen = np.ones((jobs, n), np.bool_), np.zeros(n, np.bool_)
    loads, total = np.zeros(n), 0.0
    for r in range(jobs + b):
        due = r - b
        again = repeating(missing[due], s, chosen) if due >= 0 else 0
        if r >= jobs and again == 0:
            continue
        if due < 0:
            chosen[:] = False
        for i in range(n):
            loads[i] = (s + 1) / n if chosen[i] or r < jobs else 0.0
        limit, slowest = lateness(base[r], loads, alpha, mu, now)
        fits = now.any() and (few_each(late, r, now, w, s) or bursty(late, r, now, b, w, most))
        if fits and due >= 0:
            fits = missing[due].sum() - (chosen & ~now).sum() <= s
        total += limit if fits else slowest
        if fits:
            late[r] = now
        for i in range(n):
            if not late[r, i]:
                if chosen[i]:
                    missing[due, i] = False
                elif r < jobs:
                    missing[r, i] = False
    return total


@kernel
def mean_time_multiplexed(
    probe: Floats, jobs: int, table: Ints, costs: Floats, alpha: float, mu: float, starts: Ints,
    out: Floats,
) -> None:  # fmt: skip
    """Fill `out` with the mean time of each row (B, W, lambda) over windows of the probe."""
    for k in range(len(table)):
        for start in starts:
            b, w, most = table[k, 0], table[k, 1], table[k, 2]
            out[k] += multiplexed_time(probe[start:], jobs, b, w, most, alpha, mu, costs[k])
        out[k] /= len(starts)


@kernel
def mean_time_sequential(
    probe: Floats, jobs: int, table: Ints, alpha: float, mu: float, starts: Ints, out: Floats
) -> None:
    """Fill `out` with the mean time of each row (B, W, lambda, s) over windows of the probe."""
    for k in range(len(table)):
        for start in starts:
            b, w, most, s = table[k, 0], table[k, 1], table[k, 2], table[k, 3]
            out[k] += sequential_time(probe[start:], jobs, b, w, most, s, alpha, mu)
        out[k] /= len(starts)

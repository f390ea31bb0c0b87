"""Choosing a scheme's parameters on a case's probe: simulate every candidate, take the fastest.

The probe is delays of another run, which every method is handed with the case. A candidate is
simulated on several windows of the probe as long as the run itself, extra rounds included. If
the probe is shorter than that, the jobs are fewer and the time is taken per job.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.stragglers.substrate.delay_models import (
    EXTRA,
    Case,
    Ints,
)
from adabench.workloads.algorithms.stragglers.substrate.straggler_patterns import (
    code_time,
    mean_time_multiplexed,
    mean_time_sequential,
)

WINDOWS = 3
BURSTS = tuple(range(1, 13))
"""Candidates for M-SGC's B: the longest of the 300 long bursts in a probe lasts some 13 rounds."""
WINDOW_LENGTHS = tuple(range(2, 18))
"""Candidates for its W."""
REPEATED_BURSTS = (1, 2, 3, 4)
"""Candidates for SR-SGC's B. With 12 of them it fits the probe better and takes 0.7 % more time."""
FRACTIONS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 64, 96, 128, 256)
"""Candidates for lambda, of 256 workers; other numbers of workers scale them."""
MOST_S = 0.25
"""Of the workers; more repetition than that was never chosen."""


def distinct_counts(n: int) -> list[int]:
    """Return the candidates for lambda."""
    return sorted({min(n, max(1, round(f * n / 256))) for f in FRACTIONS})


def repeats(b: int, w: int, most: int) -> int:
    """Return the s of SR-SGC: ceil(B lambda / (W - 1 + B))."""
    return -(-b * most // (w - 1 + b))


def multiplexed_load(n: int, b: int, w: int, most: int) -> float:
    """Return the load of M-SGC in a round with all slots in use."""
    if most == n:
        return (w - 1 + b) / (n * (w - 1))
    return (most + 1) * (w - 1 + b) / (n * (b + (w - 1) * (most + 1)))


def best_code(case: Case) -> int:
    """Return the s with which (n, s)-GC is fastest on the probe."""
    return _best_code(*_given(case))


def best_sequential(case: Case) -> tuple[int, int, int]:
    """Return the (B, W, lambda) with which SR-SGC is fastest on the probe."""
    return _best_sequential(*_given(case))


def best_multiplexed(case: Case) -> tuple[int, int, int]:
    """Return the (B, W, lambda) with which M-SGC is fastest on the probe."""
    return _best_multiplexed(*_given(case))


def _given(case: Case) -> tuple[bytes, int, int, float, float]:
    """Return all that a choice depends on, in a form that can be remembered."""
    return case.probe.tobytes(), case.n, case.jobs, case.alpha, case.mu


@lru_cache(maxsize=64)
def _best_code(probe: bytes, n: int, jobs: int, alpha: float, mu: float) -> int:
    delays = np.frombuffer(probe).reshape(-1, n)
    own, starts = _windows(len(delays), jobs, 0)
    times = [
        sum(code_time(delays[start:], own, s, alpha, mu) for start in starts)
        for s in range(int(MOST_S * n) + 1)
    ]
    return int(np.argmin(times))


@lru_cache(maxsize=64)
def _best_sequential(
    probe: bytes, n: int, jobs: int, alpha: float, mu: float
) -> tuple[int, int, int]:
    rows = [
        (b, x * b + 1, most, repeats(b, x * b + 1, most))
        for b in REPEATED_BURSTS
        for x in (1, 2, 3)
        for most in distinct_counts(n)
        if repeats(b, x * b + 1, most) <= MOST_S * n
    ]
    # Of fewer than four workers none may be late: a code would be half the work again or more.
    return _fastest(rows or [(1, 2, 0, 0)], probe, jobs, alpha, mu, n, sequential=True)


@lru_cache(maxsize=64)
def _best_multiplexed(
    probe: bytes, n: int, jobs: int, alpha: float, mu: float
) -> tuple[int, int, int]:
    rows = [
        (b, w, most) for b in BURSTS for w in WINDOW_LENGTHS for most in distinct_counts(n) if b < w
    ]
    return _fastest(rows, probe, jobs, alpha, mu, n, sequential=False)


def _fastest(
    rows: Sequence[tuple[int, ...]], probe: bytes, jobs: int, alpha: float, mu: float, n: int,
    *, sequential: bool,
) -> tuple[int, int, int]:  # fmt: skip
    """Return the candidate (B, W, lambda) that takes the least time per job on the probe."""
    delays = np.frombuffer(probe).reshape(-1, n)
    by_delay: dict[int, list[tuple[int, ...]]] = {}
    for row in rows:
        by_delay.setdefault(_delay(row, sequential), []).append(row)
    parts_table, parts_scores, least = [], [], np.inf
    for delay in sorted(by_delay):
        table = np.array(by_delay[delay], np.int64)
        if delay > min(EXTRA, len(delays) - 1):
            continue
        own, starts = _windows(len(delays), jobs, delay)
        scores = np.zeros(len(table))
        if sequential:
            mean_time_sequential(delays, own, table, alpha, mu, starts, scores)
        else:
            costs = np.array(
                [multiplexed_load(n, b, w, most) / (w - 1 + b) for b, w, most in table.tolist()]
            )
            # What takes longer than the best so far, per job, need not be simulated to its end.
            mean_time_multiplexed(delays, own, table, costs, alpha, mu, starts, least * own, scores)
        parts_table.append(table)
        parts_scores.append(scores / own)
        least = min(least, float(parts_scores[-1].min()))
    best = int(np.argmin(np.concatenate(parts_scores)))
    b, w, most = np.concatenate(parts_table)[best, :3].tolist()
    return b, w, most


def _delay(row: tuple[int, ...], sequential: bool) -> int:
    return row[0] if sequential else row[1] - 2 + row[0]


def _windows(rounds: int, jobs: int, delay: int) -> tuple[int, Ints]:
    """Return how many jobs fit on the probe with their extra rounds, and where windows start."""
    own = max(1, min(jobs, rounds - delay))
    last = max(0, rounds - delay - own)
    return own, np.unique(np.linspace(0, last, WINDOWS).astype(np.int64))


def read_parameters(text: object, n: int) -> tuple[int, int, int]:
    """Read `B,W,lambda`.

    Raises:
        SelectionError: if it is not three numbers that make a bursty model.
    """
    parts = str(text).split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts):
        raise SelectionError(
            f"params = {text!r} is neither 'probe' nor three numbers B,W,lambda.",
            "For instance --set params=1,2,27",
        )
    b, w, most = (int(part) for part in parts)
    if not (1 <= b < w and 0 <= most <= n):
        raise SelectionError(
            f"params = {text!r} is no bursty model of {n} workers.",
            f"It takes 1 <= B < W and 0 <= lambda <= {n}.",
        )
    return b, w, most

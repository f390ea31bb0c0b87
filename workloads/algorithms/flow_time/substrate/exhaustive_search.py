"""Small integer instances, scheduled one unit of time after another: a second opinion.

Nothing here knows the engine. With integer arrivals and sizes every rule that runs one job
at a time changes its mind at integer times only, so a loop over units of time is exact, and so
short that it can be checked by reading. The `search` family is found with it (the worst
for op-SRPT of many drawn instances), and the tests hold the engine to it.
"""

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.shared.compiled.kernels import compiled

Small = NDArray[np.int64]
JOBS = 8
LATEST, LONGEST_TEST, LONGEST = 12, 3, 9
TRIES = 400


@compiled
def unit_flow(arrive: Small, sizes: Small, whole: bool) -> int:
    """Return the total flow time of jobs with operations `sizes` (n, k; 0: no operation).

    `whole`: run the job with the least work left (SRPT); else the one with the least left
    of its operation at hand (op-SRPT). Ties go to the earlier arrival.
    """
    left = sizes.copy()
    n, k = sizes.shape
    unfinished, t, flow = n, 0, 0
    while unfinished > 0:
        best, key = -1, 0
        for job in range(n):
            rest = 0
            for i in range(k):
                rest += left[job, i]
                if rest > 0 and not whole:
                    break
            if arrive[job] <= t and rest > 0 and (best < 0 or rest < key):
                best, key = job, rest
        t += 1
        if best < 0:
            continue
        for i in range(k):
            if left[best, i] > 0:
                left[best, i] -= 1
                break
        if left[best].sum() == 0:
            unfinished -= 1
            flow += t - arrive[best]
    return flow


def draw_small(rng: np.random.Generator, jobs: int = JOBS) -> tuple[Small, Small]:
    """Return arrivals (n,) and sizes (n, 2): a test of one length, then 1..9."""
    arrive = np.sort(rng.integers(0, LATEST + 1, jobs))
    sizes = np.stack(
        [np.full(jobs, rng.integers(1, LONGEST_TEST + 1)), rng.integers(1, LONGEST + 1, jobs)],
        axis=1,
    )
    return arrive - arrive[0], sizes


def worst_small(rng: np.random.Generator) -> tuple[NDArray[np.float64], Small, NDArray[np.float64]]:
    """Return the worst of `TRIES` small instances for op-SRPT, as a stream is drawn."""
    worst, found = 0.0, draw_small(rng)
    for _ in range(TRIES):
        arrive, sizes = draw_small(rng)
        ratio = unit_flow(arrive, sizes, False) / unit_flow(arrive, sizes, True)
        if ratio > worst:
            worst, found = ratio, (arrive, sizes)
    arrive, sizes = found
    return arrive.astype(np.float64), np.full(len(arrive), 2), sizes.ravel().astype(np.float64)

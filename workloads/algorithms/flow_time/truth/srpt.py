"""The optimum: total flow time of the clairvoyant SRPT, by code that shares nothing with the
engine.

On one machine, preemption being free, running the job with the least remaining work is optimal
for total flow time (Schrage 1968). The task divides by this number, and the method `srpt`,
which runs on the engine, must agree with it.
"""

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.shared.compiled.kernels import compiled


@compiled
def srpt_flow(arrive: NDArray[np.float64], totals: NDArray[np.float64]) -> float:
    """Return the least total flow time of jobs that arrive at `arrive` (n,), rising. O(n log n).

    The job that runs stays out of the heap of those that wait: `key` (n + 1,) is what is left
    of each, `who` (n + 1,) which it is, and the children of place i are at 2i and 2i + 1.
    """
    n = len(arrive)
    key, who = np.empty(n + 1), np.empty(n + 1, np.int64)
    waiting, following, flow, t = 0, 0, 0.0, 0.0
    job, left = -1, 0.0
    while True:
        if job < 0:
            if following == n:
                return flow
            job, left, t = following, totals[following], arrive[following]
            following += 1
        if following < n and arrive[following] < t + left:
            left -= arrive[following] - t
            t = arrive[following]
            coming, size = following, totals[following]
            following += 1
            if size < left:
                coming, size, job, left = job, left, coming, size
            waiting += 1
            at = waiting
            while at > 1 and key[at // 2] > size:
                key[at], who[at] = key[at // 2], who[at // 2]
                at //= 2
            key[at], who[at] = size, coming
            continue
        t += left
        flow += t - arrive[job]
        if waiting == 0:
            job = -1
            continue
        job, left = who[1], key[1]
        size, coming = key[waiting], who[waiting]
        waiting -= 1
        at = 1
        while 2 * at <= waiting:
            child = 2 * at
            if child < waiting and key[child + 1] < key[child]:
                child += 1
            if key[child] >= size:
                break
            key[at], who[at] = key[child], who[child]
            at = child
        key[at], who[at] = size, coming

"""What flow times are worth, held against the optimum on the same stream, by code that shares nothing with the engine.

On one machine, where preemption is free, running the job with the least remaining work is optimal for total flow
time (Schrage 1968). The task divides by this number, and the method `srpt`, which runs on the engine, must agree.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.flow_time.substrate.job_streams import UNIFORM_TESTS, Stream
from adabench.workloads.algorithms.flow_time.substrate.policy_view import Floats
from adabench.workloads.algorithms.flow_time.substrate.replay import FlowTime
from adabench.workloads.shared.compiled.kernels import compiled
from adabench.workloads.shared.counting.counted_task import Transcript


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


ROUNDING = 1e-9
"""Relative; what a policy that shares the machine may be off by, from the exact sum."""
BURST_LIMIT = 8.0


def scored_task(streams: Sequence[Stream], transcript: Transcript | None = None) -> FlowTime:
    """Return the task of these streams, with its score."""
    optima: dict[float, float] = {}

    def score_of(stream: Stream, flow: Floats) -> dict[str, float]:
        instance = stream.case.instance
        if instance not in optima:
            optima[instance] = srpt_flow(stream.arrive, stream.totals)
        return score(stream, flow, optima[instance])

    return FlowTime(streams, score_of, transcript)


def score(stream: Stream, flow: Floats, opt: float) -> dict[str, float]:
    """Return the score of flow times (streams, n) against the optimum."""
    sums, case = flow.sum(axis=1), stream.case
    total, streams = float(sums.mean()), len(sums)
    if sums.min() < opt * (1 - ROUNDING):
        raise MethodContractError(
            f"A flow time of {sums.min()} on {case.group} is less than the optimum {opt}.",
            "SRPT is optimal, so this is a bug in the engine or a method that tampers with it.",
        )
    values = {
        "optimality": min(opt / total, 1.0),
        "ratio": max(total / opt, 1.0),
        "ratio_per_m2": max(total / opt, 1.0) / case.m**2,
        "flow_se": float(sums.std(ddof=1)) / streams**0.5 if streams > 1 else 0.0,
        "mean_flow": total / case.n_jobs,
        "p99_flow": float(np.quantile(flow, 0.99, axis=1).mean()),
        "max_flow": float(flow.max(axis=1).mean()),
        "opt": opt,
        "instance": case.instance,
    }
    if case.group in UNIFORM_TESTS:
        values["obligatory_bound"] = 2 * opt
    if case.group == "burst":
        values["burst_limit"] = BURST_LIMIT
    return values

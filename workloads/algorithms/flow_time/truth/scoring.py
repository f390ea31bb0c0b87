"""What the flow times of a policy are worth, held against the optimum on the same stream."""

from collections.abc import Sequence

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.flow_time.substrate.job_streams import UNIFORM_TESTS, Stream
from adabench.workloads.algorithms.flow_time.substrate.policy_view import Floats
from adabench.workloads.algorithms.flow_time.substrate.replay import FlowTime
from adabench.workloads.algorithms.flow_time.truth.srpt import srpt_flow
from adabench.workloads.shared.counting.counted_task import Transcript

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

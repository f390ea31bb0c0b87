"""The optimum, by exhaustive search; the engine, by a second simulator; the theorem, at scale."""

import numpy as np
import pytest

from adabench.workloads.algorithms.flow_time.substrate.exhaustive_search import (
    draw_small,
    unit_flow,
)
from adabench.workloads.algorithms.flow_time.substrate.job_streams import make_stream
from adabench.workloads.algorithms.flow_time.truth.scoring import scored_task, srpt_flow
from adabench.workloads.shared.compiled.kernels import compiled


@compiled
def least_flow(arrive, sizes):
    """Try every schedule of unit steps, idling included: at each time any job, or none, may run.

    Memory over (time, work left of each job): V = jobs in the system + least V one step on.
    """
    n, horizon = len(arrive), arrive.max() + sizes.sum() + 1
    radix = np.ones(n + 1, np.int64)
    for job in range(n):
        radix[job + 1] = radix[job] * (sizes[job] + 1)
    value = np.full((horizon + 1, radix[n]), np.inf)
    value[:, 0] = 0
    for t in range(horizon - 1, -1, -1):
        for state in range(1, radix[n]):
            there, best = 0, value[t + 1, state]
            for job in range(n):
                if arrive[job] <= t and state // radix[job] % (sizes[job] + 1) > 0:
                    there += 1
                    best = min(best, value[t + 1, state - radix[job]])
            value[t, state] = there + best
    return value[0, radix[n] - 1]


def test_srpt_is_optimal_in_ten_thousand_random_cases() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10_000):
        n = rng.integers(1, 5)
        arrive = np.sort(rng.integers(0, 7, n))
        sizes = rng.integers(1, 5, n)
        arrive[0] = 0
        assert srpt_flow(arrive.astype(float), sizes.astype(float)) == least_flow(arrive, sizes)


@compiled
def shares_of_two(arrive, tests, mains):
    """Return flow of op-SRPT over SRPT for each of many small instances with uniform tests."""
    ratios = np.empty(len(arrive))
    for i in range(len(arrive)):
        sizes = np.empty((arrive.shape[1], 2), np.int64)
        sizes[:, 0], sizes[:, 1] = tests[i], mains[i]
        ratios[i] = unit_flow(arrive[i], sizes, False) / unit_flow(arrive[i], sizes, True)
    return ratios


def test_op_srpt_keeps_its_bound_on_a_hundred_thousand_small_instances() -> None:
    rng, count = np.random.default_rng(1), 100_000
    arrive = np.sort(rng.integers(0, 13, (count, 8)), axis=1)
    arrive -= arrive[:, :1]
    ratios = shares_of_two(arrive, rng.integers(1, 4, count), rng.integers(1, 10, (count, 8)))
    assert ratios.max() <= 2
    assert ratios.min() >= 1
    assert ratios.max() > 1.3


@pytest.mark.parametrize(("name", "whole"), [("srpt", True), ("op_srpt", False)])
def test_the_engine_agrees_with_the_unit_step_simulator(name, whole, methods) -> None:
    rng = np.random.default_rng(2)
    streams, expected = [], []
    for _ in range(300):
        arrive, sizes = draw_small(rng)
        streams.append(make_stream("given", arrive, np.full(8, 2), sizes.ravel(), 2, 0))
        expected.append(unit_flow(arrive, sizes, whole))
    task = scored_task(tuple(streams))
    flows = [methods[name].solve(task, case, {}).flow.sum() for case in task.cases()]
    assert flows == expected


def test_the_optimum_and_the_method_agree_to_the_last_bit(values, methods) -> None:
    from adabench.workloads.algorithms.flow_time.task import load

    for seed in range(2):
        for seen in values("srpt", load("embedded", seed, jobs=500)).values():
            assert seen["flow"] == seen["opt"]


def test_no_policy_beats_the_optimum_on_small_instances(methods) -> None:
    rng = np.random.default_rng(3)
    streams = []
    for _ in range(60):
        arrive, sizes = draw_small(rng, jobs=5)
        streams.append(make_stream("given", arrive, np.full(5, 2), sizes.ravel(), 2, 0))
    task = scored_task(tuple(streams))
    for method in methods.values():
        for case in task.cases():
            task.meter.clear()
            answer = method.solve(task, case, method.CARD.defaults)
            assert task.score(case, answer)["ratio"] >= 1

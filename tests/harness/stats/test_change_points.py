"""Steps: planted ones are found where they are, and noise has none."""

import math

import numpy as np
import pytest

from adabench.harness.stats.change_points import ALPHA, hint, steps
from adabench.harness.stats.intervals import FloatArray

MARGIN = math.log(1.02)
HISTORIES = 200


def certain(runs: int) -> FloatArray:
    """The worst case for false steps: every pair of neighbours differs for sure."""
    return np.zeros(runs - 1)


def noise(kind: str, runs: int, spread: float, rng: np.random.Generator) -> FloatArray:
    if kind == "heavy":
        return rng.standard_t(3, runs) * spread / math.sqrt(3)
    drawn = rng.normal(0, spread, runs)
    if kind == "alike":  # neighbours are: AR(1), rho = 0.5
        for i in range(1, runs):
            drawn[i] = 0.5 * drawn[i - 1] + math.sqrt(0.75) * drawn[i]
    return drawn


STATED = {"normal": 0.001, "heavy": 0.012, "alike": 0.012}
"""The rates of false steps that the module's docstring gives; 200 histories resolve 0.005."""


@pytest.mark.parametrize("kind", STATED)
@pytest.mark.parametrize("spread", [0.005, 0.03])
@pytest.mark.parametrize("runs", [4, 10, 30])
def test_two_hundred_histories_of_noise_have_no_step(kind: str, spread: float, runs: int) -> None:
    rng = np.random.default_rng(runs)
    found = [steps(noise(kind, runs, spread, rng), certain(runs), MARGIN) for _ in range(HISTORIES)]
    assert sum(map(bool, found)) <= round(STATED[kind] * HISTORIES)


@pytest.mark.slow
def test_the_rate_of_false_steps_is_below_alpha() -> None:
    rng = np.random.default_rng(0)
    trials = 20_000
    found = sum(
        bool(steps(noise("normal", 10, 0.05, rng), certain(10), MARGIN)) for _ in range(trials)
    )
    assert found / trials <= ALPHA


@pytest.mark.parametrize(("runs", "after"), [(10, 5), (10, 8), (30, 2), (30, 28)])
def test_a_planted_step_is_found_where_it_is(runs: int, after: int) -> None:
    rng = np.random.default_rng(runs + after)
    found = 0
    for _ in range(100):
        values = noise("normal", runs, 0.005, rng)
        values[after:] += math.log(1.10)
        told = steps(values, certain(runs), MARGIN)
        found += [step.after for step in told] == [after]
        for step in told:
            assert step.low <= step.estimate <= step.high
            assert step.runs == (after, runs - after) or len(told) > 1
    assert found >= 95


def test_a_bump_is_two_steps_and_a_stair_too() -> None:
    rng = np.random.default_rng(3)
    bump = noise("normal", 24, 0.005, rng)
    bump[8:16] += 0.2
    assert [step.after for step in steps(bump, certain(24), MARGIN)] == [8, 16]
    stair = noise("normal", 24, 0.005, rng)
    stair[8:] += 0.2
    stair[16:] += 0.1
    assert [step.after for step in steps(stair, certain(24), MARGIN)] == [8, 16]


def test_a_step_inside_the_margin_is_none() -> None:
    rng = np.random.default_rng(4)
    values = noise("normal", 40, 0.0005, rng)
    values[20:] += math.log(1.015)
    assert not steps(values, certain(40), MARGIN)
    assert steps(values, certain(40), math.log(1.005))


def test_a_step_that_the_paired_cases_do_not_show_is_none() -> None:
    values = np.r_[np.zeros(10), np.full(10, 0.2)] + np.random.default_rng(5).normal(0, 0.005, 20)
    doubtful = certain(20)
    doubtful[9] = 0.2
    assert not steps(values, doubtful, MARGIN)


def test_one_run_beyond_is_an_outlier_or_a_hint_but_no_step() -> None:
    values = np.random.default_rng(6).normal(0, 0.003, 12)
    outlier = values.copy()
    outlier[5] += 0.5
    assert not steps(outlier, certain(12), MARGIN)
    last = values.copy()
    last[-1] += 0.3
    assert not steps(last, certain(12), MARGIN)
    assert hint(last, certain(12), MARGIN) == 11
    assert hint(values, certain(12), MARGIN) is None


def test_two_runs_tell_of_a_count_but_not_of_a_time() -> None:
    values, sure, unsure = np.array([0.0, 0.1]), np.array([1e-9]), np.array([0.01])
    assert not steps(values, sure, 0.0)
    [step] = steps(values, sure, 0.0, exact=True)
    assert (step.after, step.estimate, step.runs) == (1, 0.1, (1, 1))
    assert not steps(values, unsure, 0.0, exact=True)


def test_constant_and_short_histories_are_quiet() -> None:
    for runs in (0, 1, 2, 5):
        assert not steps(np.zeros(runs), np.ones(max(runs - 1, 0)), 0.0)
        assert not steps(np.zeros(runs), np.ones(max(runs - 1, 0)), 0.0, exact=True)
    assert hint(np.zeros(1), np.zeros(0), 0.0) is None

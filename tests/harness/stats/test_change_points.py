"""Steps: planted ones are found where they are, and noise has none."""

import math

import numpy as np
import pytest
from scipy import stats

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


FLAT = 0.01 * np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0])
"""Eight runs of one scatter; four at either level leave six degrees of freedom."""
ERROR = 0.01 * math.sqrt(8 / 6) * math.sqrt(1 / 4 + 1 / 4)
"""Of the difference of two means of four."""


def lifted(step: float) -> FloatArray:
    return FLAT + np.repeat([0.0, step], 4)


def test_a_step_lies_beyond_the_margin_by_a_t_test_at_one_in_a_thousand_for_all_places() -> None:
    """Seven places, six degrees of freedom, two sides."""
    least = MARGIN + stats.t.isf(0.001 / 7 / 2, 6) * ERROR
    for way in (1, -1):
        assert not steps(lifted(way * 0.995 * least), certain(8), MARGIN)
        [step] = steps(lifted(way * 1.005 * least), certain(8), MARGIN)
        assert (step.after, step.runs) == (4, (4, 4))
        half = stats.t.ppf(0.975, 6) * ERROR
        assert step.estimate == pytest.approx(way * 1.005 * least)
        ends = step.estimate - half, step.estimate + half
        assert (step.low, step.high) == pytest.approx(ends)


def test_the_paired_cases_are_held_to_one_in_twenty_or_of_counts_to_all_places() -> None:
    for exact, limit in ((False, 0.05), (True, 0.001 / 7)):
        p_paired = certain(8)
        p_paired[3] = 0.99 * limit
        assert steps(lifted(1.0), p_paired, MARGIN, exact=exact)
        p_paired[3] = 1.01 * limit
        assert not steps(lifted(1.0), p_paired, MARGIN, exact=exact)


@pytest.mark.parametrize(("runs", "found"), [(9, False), (10, True), (11, True)])
def test_at_most_a_tenth_of_the_runs_lies_nearer_to_the_other_level(runs: int, found: bool) -> None:
    for turn in (1, -1):
        values = 0.1 * np.arange(2 * runs) % 0.3
        values[runs:] += 10
        values[runs // 2] += 6.0
        assert bool(steps(turn * values, certain(2 * runs), MARGIN)) == found
        assert bool(steps(turn * values[::-1], certain(2 * runs), MARGIN)) == found


def test_a_count_changes_only_beyond_the_margin_and_by_more_than_its_runs_scatter() -> None:
    sure = np.array([1e-9, 1e-9, 1e-9])
    assert not steps(np.array([0.0, 0.0, 0.25, 0.25]), sure, 0.25, exact=True)
    assert steps(np.array([0.0, 0.0, 0.25, 0.25]), sure, 0.2, exact=True)
    # One degree of freedom, and no step between the last two.
    unsure = np.array([1e-9, 0.5])
    assert not steps(np.array([0.0, 1.0, 1.5]), unsure, 0.0, exact=True)
    assert steps(np.array([0.0, 1.0, 1.0]), unsure, 0.0, exact=True)


def test_a_hint_lies_beyond_the_margin_and_three_times_the_scatter_of_the_runs_before() -> None:
    spread = float(np.std(FLAT, ddof=1))
    far = MARGIN + 3 * spread
    for way in (1, -1):
        assert hint(np.r_[FLAT, way * 1.01 * far], certain(9), MARGIN) == 8
        assert hint(np.r_[FLAT, way * 0.99 * far], certain(9), MARGIN) is None
    doubtful = certain(9)
    doubtful[-1] = 0.06
    assert hint(np.r_[FLAT, 2 * far], doubtful, MARGIN) is None
    doubtful[-1] = 0.05
    assert hint(np.r_[FLAT, 2 * far], doubtful, MARGIN) == 8
    assert hint(np.array([0.0, 1.01 * MARGIN]), certain(2), MARGIN) == 1
    assert hint(np.array([0.0, 0.99 * MARGIN]), certain(2), MARGIN) is None


def test_constant_and_short_histories_are_quiet() -> None:
    for runs in (0, 1, 2, 5):
        assert not steps(np.zeros(runs), np.ones(max(runs - 1, 0)), 0.0)
        assert not steps(np.zeros(runs), np.ones(max(runs - 1, 0)), 0.0, exact=True)
    assert hint(np.zeros(1), np.zeros(0), 0.0) is None

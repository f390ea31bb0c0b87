"""One disturbed round neither makes a change nor hides one."""

import math

import numpy as np
import pytest
from scipy import stats

from adabench.harness.stats.student_t import moments, p_above
from adabench.harness.stats.trimmed_mean import ENOUGH, center, p_beyond, trimmed_moments

STEADY = math.log(1.05) + 0.01 * np.array([-1.2, 0.3, 0.8, -0.5, 0.1, 1.1, -0.7, 0.1])


def test_a_round_far_off_hides_no_slowdown() -> None:
    struck = STEADY.copy()
    struck[3] = -0.4
    assert p_beyond(struck, 0.0, "above") < 0.001
    assert center(struck)[0] == pytest.approx(math.log(1.05), abs=0.005)
    assert float(p_above(moments(struck[:, None]), 0.0)[0]) > 0.3  # t alone is blind


def test_a_round_far_off_makes_no_slowdown() -> None:
    struck = STEADY - STEADY.mean()
    struck[3] = 0.4
    assert abs(center(struck)[0]) < 0.005
    assert p_beyond(struck, 0.0, "above") > 0.1


def test_yuen_by_hand() -> None:
    """1..8 without 1 and 8: mean 4.5, winsorised squares 30, h = 6."""
    found = trimmed_moments(np.array([8.0, 1, 2, 3, 4, 5, 6, 7]))
    assert found.mean[0] == 4.5
    assert found.error[0] == pytest.approx(math.sqrt(30 / 30))
    assert found.df[0] == 5


@pytest.mark.parametrize("rounds", [8, 14, 15, 16, 23, 24, 40])
def test_an_eighth_is_left_out_at_either_end(rounds: int) -> None:
    values = np.random.default_rng(rounds).exponential(size=rounds)
    found, cut = trimmed_moments(values), rounds // 8
    kept = rounds - 2 * cut
    assert found.mean[0] == pytest.approx(stats.trim_mean(values, 1 / 8))
    spread = float(np.var(stats.mstats.winsorize(values, limits=(1 / 8, 1 / 8)), ddof=0)) * rounds
    assert found.error[0] == pytest.approx(math.sqrt(spread / (kept * (kept - 1))))
    assert found.df[0] == kept - 1


def test_the_interval_is_that_of_yuen_from_eight_rounds_on() -> None:
    found = trimmed_moments(STEADY)
    expected = stats.t.interval(0.95, found.df[0], found.mean[0], found.error[0])
    assert center(STEADY)[1:] == pytest.approx(expected)
    few = np.array([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])
    assert center(few) == pytest.approx((0.0, *stats.t.interval(0.95, 6, 0.0, stats.sem(few))))
    assert center(few, 0.8)[2] == pytest.approx(stats.t.ppf(0.9, 6) * stats.sem(few))


@pytest.mark.parametrize("end", [0.02, 0.045, 0.06])
def test_p_is_twice_the_smaller_one_of_both_tests(end: float) -> None:
    own = [float(p_above(of, end)[0]) for of in (trimmed_moments(STEADY), moments(STEADY[:, None]))]
    assert p_beyond(STEADY, end, "above") == pytest.approx(min(1.0, 2 * min(own)))
    assert p_beyond(STEADY[:7], end, "above") == pytest.approx(
        float(p_above(moments(STEADY[:7, None]), end)[0])
    )


def test_two_rounds_prove_something_and_one_nothing() -> None:
    two = np.array([0.9, 1.1])
    assert p_beyond(two, 0.0, "above") == pytest.approx(stats.t.sf(10.0, 1))
    assert p_beyond(two[:1], 0.0, "above") == 1.0


def test_both_sides_mirror() -> None:
    assert p_beyond(STEADY, 0.02, "above") == pytest.approx(p_beyond(-STEADY, -0.02, "below"))


def test_few_rounds_are_all_kept() -> None:
    few = STEADY[: ENOUGH - 1]
    assert center(few)[0] == pytest.approx(few.mean())
    assert center(few[:1]) == (few[0], -math.inf, math.inf)
    assert p_beyond(few[:1], 0.0, "above") == 1.0


@pytest.mark.parametrize("scatter", ["normal", "t", "disturbed"])
def test_of_equal_rounds_few_alarm(scatter: str) -> None:
    """4,000 worlds of eight rounds at a level of 5 %: standard deviation 0.3 %."""
    rng = np.random.default_rng(3)
    noise = rng.standard_t(3, (4000, 8)) if scatter == "t" else rng.normal(size=(4000, 8))
    if scatter == "disturbed":
        noise += np.where(rng.permuted(np.tile(np.arange(8), (4000, 1)), axis=1) == 0, 30.0, 0.0)
    found = np.mean([p_beyond(row, 0.0, "above") <= 0.05 for row in noise])
    assert found <= 0.06

"""BCa on resamples whose quantiles are known: levels by Efron's formula, ends by `np.quantile`."""

import numpy as np
import pytest
from scipy.stats import norm

from adabench.harness.stats.bca import bca

LEVELS = np.linspace(0, 1, 2000)
EVEN = np.array([-1.0, 0.0, 1.0])
"""Values with a unit left out, without skewness."""
SKEWED = np.array([0.0, 0.0, 0.0, 4.0])
"""Gaps of 1, 1, 1, -3: the acceleration is -24 / (6 * 12^1.5)."""
SPREAD = norm.ppf(np.clip(LEVELS, 1e-4, 1 - 1e-4)) ** 3
"""Resamples that lie unevenly."""


def efron(bias, acceleration):
    """The two levels of Efron (1987), equation 2.3."""
    shifted = bias + norm.ppf([0.025, 0.975])
    return norm.cdf(bias + shifted / (1 - acceleration * shifted))


def test_without_bias_and_skewness_it_is_the_percentile_interval():
    assert bca(0.5, LEVELS, EVEN, 1.0) == pytest.approx((0.025, 0.975))
    assert bca(0.0, SPREAD, EVEN, 1.0) == pytest.approx(np.quantile(SPREAD, [0.025, 0.975]))


def test_the_factor_moves_both_ends_away_from_the_estimate():
    assert bca(0.5, LEVELS, EVEN, 2.0) == pytest.approx((0.5 - 2 * 0.475, 0.5 + 2 * 0.475))


@pytest.mark.parametrize(("left_out", "sign"), [(SKEWED, -1), (-SKEWED, 1)])
def test_skewness_moves_both_levels(left_out, sign):
    expected = efron(0.0, sign * 24 / (6 * 12**1.5))
    assert bca(0.5, LEVELS, left_out, 1.0) == pytest.approx(tuple(expected))
    assert bca(0.0, SPREAD, left_out, 1.0) == pytest.approx(np.quantile(SPREAD, expected))


@pytest.mark.parametrize("estimate", [0.3, 0.45, 0.6])
def test_the_share_of_resamples_below_the_estimate_is_its_bias(estimate):
    expected = efron(norm.ppf(np.mean(estimate > LEVELS)), 0.0)
    assert bca(estimate, LEVELS, EVEN, 1.0) == pytest.approx(tuple(expected))


def test_resamples_that_equal_the_estimate_count_half_on_either_side():
    """A third each of 0, 1 and 2: half of them, ties shared, lie below 1, whatever the last bit."""
    ordered = np.repeat([0.0, 1.0, 2.0], 500)
    for estimate in (1.0, 1.0 + 1e-15, 1.0 - 1e-15):
        assert bca(estimate, ordered, EVEN, 1.0) == pytest.approx((0.0, 2.0))
    # 600 of 1,600 and half of 400 lie below: no bias either.
    uneven = np.r_[np.linspace(0, 0.9, 600), np.ones(400), np.linspace(1.1, 2, 600)]
    assert bca(1.0, uneven, EVEN, 1.0) == pytest.approx(np.quantile(uneven, [0.025, 0.975]))


def test_an_estimate_beyond_all_resamples_is_an_end_itself():
    """Its bias is taken to be that of one resample."""
    low, high = bca(-0.2, LEVELS, EVEN, 1.0)
    assert (low, high) == pytest.approx((-0.2, efron(norm.ppf(1 / 2000), 0.0)[1]))
    low, high = bca(1.2, LEVELS, EVEN, 1.0)
    assert (low, high) == pytest.approx((efron(norm.ppf(1 - 1 / 2000), 0.0)[0], 1.2))
    assert bca(3.0, LEVELS, EVEN, 2.0)[1] == 3.0


def test_values_left_out_that_are_not_finite_leave_no_skewness():
    for left_out in (np.array([0.0, 1.0, np.inf]), np.full(3, 2.0)):
        with np.errstate(invalid="ignore"):
            assert bca(0.5, LEVELS, left_out, 1.0) == pytest.approx((0.025, 0.975))

"""Bounds of several looks, against published figures and simulated walks."""

import numpy as np
import pytest
from scipy import stats

from adabench.harness.stats.group_sequential import ONE_SIDED, bounds, spent

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)


def test_five_even_looks_have_the_bounds_of_hwang_shih_and_decani():
    assert bounds(FIVE) == pytest.approx((2.891, 2.709, 2.514, 2.315, 2.110), abs=0.002)


def test_one_look_at_the_end_is_an_ordinary_test():
    assert bounds((1.0,))[0] == pytest.approx(stats.norm.ppf(0.975), abs=2e-3)


def test_the_first_bound_spends_what_may_be_spent_by_then():
    assert bounds((0.3, 1.0))[0] == pytest.approx(stats.norm.isf(spent(0.3)), abs=2e-3)


def test_all_is_spent_at_the_end_and_little_at_first():
    assert spent(1.0) == pytest.approx(ONE_SIDED)
    assert spent(0.0) == 0
    assert spent(0.2) < 0.1 * ONE_SIDED
    assert all(a < b for a, b in zip(map(spent, FIVE), map(spent, FIVE[1:]), strict=False))


@pytest.mark.parametrize("parts", [FIVE, (0.6, 1.0), (0.1, 0.5, 0.55, 1.0)])
def test_walks_without_drift_cross_one_time_in_forty(parts):
    draw = np.random.default_rng(4)
    steps = np.sqrt(np.diff([0.0, *parts]))
    walks = np.cumsum(draw.normal(size=(200_000, len(parts))) * steps, axis=1) / np.sqrt(parts)
    crossed = (walks > np.array(bounds(parts))).any(axis=1).mean()
    assert crossed == pytest.approx(ONE_SIDED, abs=0.0015)


@pytest.mark.parametrize("parts", [(), (0.0, 1.0), (0.5, 0.5), (0.5, 1.2), (0.8, 0.4)])
def test_what_does_not_rise_to_one_is_no_plan(parts):
    with pytest.raises(ValueError, match="rising parts"):
        bounds(parts)

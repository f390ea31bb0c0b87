"""Studentised means: moments as scipy has them, Hall's correction by its equation, p by symmetry."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from adabench.harness.stats.student_t import (
    Moments,
    interval,
    moments,
    p_above,
    p_below,
    t975,
    tail,
)

SKEWED = np.random.default_rng(4).exponential(size=(12, 3))
EVEN = np.array([[-3.0], [-1.0], [0.0], [1.0], [3.0]])
"""Without skewness: Hall's correction has nothing to do."""


def hall(t, bend):
    """The equation of the module's docstring, with `bend` for skewness over the root of m."""
    return t + bend * t**2 / 3 + bend**2 * t**3 / 27 + bend / 6


def one(mean=0.0, error=1.0, bend=0.0, df=9.0):
    return Moments(*(np.array([value]) for value in (mean, error, bend, df)))


@pytest.mark.parametrize("units", [SKEWED, SKEWED[:3], SKEWED[:4], -SKEWED])
def test_moments_are_those_of_scipy(units):
    """Skewness is in units of the standard deviation of m - 1, and that of scipy is of m."""
    found, m = moments(units), len(units)
    skewness = stats.skew(units, axis=0, bias=False) * ((m - 1) / m) ** 1.5
    np.testing.assert_allclose(found.mean, units.mean(axis=0))
    np.testing.assert_allclose(found.error, stats.sem(units, axis=0))
    np.testing.assert_allclose(found.bend, skewness / m**0.5)
    assert found.df.tolist() == [m - 1] * 3


def test_two_units_and_equal_units_have_no_skewness():
    assert moments(np.array([[1.0], [4.0]])).bend.tolist() == [0.0]
    found = moments(np.array([[1.0], [4.0]]))
    assert (found.error[0], found.df[0]) == (1.5, 1)
    assert moments(np.full((5, 2), 0.5))[1:3] == pytest.approx(np.zeros((2, 2)))


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_units_without_skewness_have_the_interval_of_student(level):
    low, high = interval(moments(EVEN), level)
    expected = stats.t.interval(level, 4, 0.0, stats.sem(EVEN[:, 0]))
    assert (low[0], high[0]) == pytest.approx(expected)


@pytest.mark.parametrize("bend", [-0.6, -0.1, 0.2, 0.6])
def test_each_end_is_the_further_one_of_student_and_hall(bend):
    low, high = interval(one(2.0, 0.5, bend))
    t = stats.t.ppf(0.975, 9)
    roots = [brentq(lambda x, end=end: hall(x, bend) - end, -60, 60) for end in (-t, t)]
    assert low[0] == pytest.approx(2.0 - 0.5 * max(t, roots[1]))
    assert high[0] == pytest.approx(2.0 - 0.5 * min(-t, roots[0]))


@pytest.mark.parametrize("bend", [-0.6, 0.0, 0.3])
@pytest.mark.parametrize("margin", [-1.0, 0.2, 2.0, 3.5])
def test_p_is_the_larger_one_of_student_and_hall(bend, margin):
    t = (2.0 - margin) / 0.5
    both = [stats.t.sf(x, 9) for x in (t, hall(t, bend))]
    assert p_above(one(2.0, 0.5, bend), margin)[0] == pytest.approx(max(both))
    mirrored = p_below(one(-2.0, 0.5, -bend), -margin)
    assert mirrored[0] == pytest.approx(max(both))


def test_the_ends_of_an_interval_are_where_p_is_half_of_what_is_left():
    for column in SKEWED.T:
        found = moments(column[:, None])
        low, high = (float(end[0]) for end in interval(found, 0.9))
        assert p_above(found, low)[0] == pytest.approx(0.05)
        assert p_below(found, high)[0] == pytest.approx(0.05)


def test_units_that_are_all_equal_prove_what_they_show():
    found = one(0.5, 0.0)
    assert [float(p_above(found, at)[0]) for at in (0.4, 0.5, 0.6)] == [0, 1, 1]
    assert [float(p_below(found, at)[0]) for at in (0.4, 0.5, 0.6)] == [1, 1, 0]


def test_tails_are_those_of_scipy():
    assert t975(3) == pytest.approx(stats.t.ppf(0.975, 3))
    np.testing.assert_allclose(tail(np.array([-1.0, 0.0, 2.5]), 4), stats.t.sf([-1, 0, 2.5], 4))
    assert float(tail(1.5, np.inf)) == pytest.approx(stats.norm.sf(1.5))

"""The interval of a share: both ends, by closed form, by symmetry and by its exact coverage."""

import itertools
import math

import numpy as np
import pytest
from scipy.special import erf
from scipy.stats import binom, binomtest

from adabench.harness.stats.intervals import Interval, exact_share, share, yes_or_no

COUNTS = [(yes, n) for n in (1, 2, 5, 10, 30) for yes in range(n + 1)]
"""Every result of so many cases."""


def ends(yes, n):
    found = share(yes, n)
    assert found.estimate == yes / n
    return found.low, found.high


@pytest.mark.parametrize(
    ("yes", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.32616), (1, 10, 0.0, 0.42922), (5, 10, 0.23809, 0.76191),
        (9, 10, 0.57078, 1.0), (10, 10, 0.67384, 1.0), (0, 30, 0.0, 0.13791),
        (29, 30, 0.81643, 1.0), (80, 100, 0.70997, 0.86695),
    ],
)  # fmt: skip
def test_two_successes_and_two_failures_are_added(yes, n, low, high):
    """(k + 2) / (n + 4) -+ 1.96 standard errors, in numbers."""
    assert ends(yes, n) == pytest.approx((low, high), abs=1e-5)


def test_no_and_yes_mirror():
    for yes, n in COUNTS:
        low, high = ends(yes, n)
        assert ends(n - yes, n) == pytest.approx((1 - high, 1 - low), abs=1e-12), (yes, n)


def test_one_more_success_moves_no_end_down_and_one_of_them_up():
    for (yes, n), (more, same) in itertools.pairwise(COUNTS):
        if n == same:
            low, high = np.subtract(ends(more, n), ends(yes, n))
            assert min(low, high) >= 0 < max(low, high), (yes, n)


def test_the_share_lies_inside_and_none_or_all_are_an_end():
    for yes, n in COUNTS:
        low, high = ends(yes, n)
        assert 0 <= low <= yes / n <= high <= 1, (yes, n)
        assert (low, high) != (0, 1), (yes, n)
        assert (low == yes / n) == (yes == 0), (yes, n)
        assert (high == yes / n) == (yes == n), (yes, n)


@pytest.mark.parametrize(("yes", "n"), [(5, 10), (12, 30), (60, 100)])
def test_it_is_centered_as_the_interval_of_wilson_is_at_two_standard_errors(yes, n):
    level = float(erf(2 / math.sqrt(2)))
    wilson = binomtest(yes, n).proportion_ci(level, "wilson")
    assert sum(ends(yes, n)) == pytest.approx(wilson.low + wilson.high)


@pytest.mark.parametrize(
    ("n", "mean", "least"), [(10, 0.963, 0.917), (30, 0.959, 0.934), (100, 0.955, 0.939)]
)
def test_coverage_is_what_the_docstring_says_and_does_not_fall_as_that_of_wilson(n, mean, least):
    """Every result is enumerated, at shares of 0.005 to 0.995."""
    truth = np.linspace(0.005, 0.995, 1981)
    chance = binom.pmf(np.arange(n + 1)[:, None], n, truth)
    own = sum(chance[yes] * covers(*ends(yes, n), truth) for yes in range(n + 1))
    assert own.mean() == pytest.approx(mean, abs=0.0006)
    assert own.min() == pytest.approx(least, abs=0.0006)
    wilson = [binomtest(yes, n).proportion_ci(method="wilson") for yes in range(n + 1)]
    other = sum(own * covers(*found, truth) for own, found in zip(chance, wilson, strict=True))
    assert other.min() < least - 0.04


def covers(low, high, truth):
    return (low <= truth) & (truth <= high)


def test_what_nothing_was_drawn_for_stays_without_an_interval():
    column = np.array([1.0, 0.0, 1.0])
    nothing = Interval(2 / 3, None, None)
    assert yes_or_no(nothing, column, 3) == nothing
    assert yes_or_no(nothing, column, 1) == share(2, 3)


def test_over_several_seeds_each_end_is_the_further_one():
    column = np.repeat([1.0, 0.0], [40, 20])
    low, high = ends(40, 60)
    inside, beyond = Interval(2 / 3, low + 0.01, high - 0.01), Interval(2 / 3, -0.1, 1.1)
    assert yes_or_no(inside, column, 6) == (2 / 3, low, high)
    assert yes_or_no(beyond, column, 6) == (2 / 3, 0.0, 1.0)
    left, right = inside._replace(low=low - 0.1), inside._replace(high=high + 0.1)
    assert yes_or_no(left, column, 6) == (2 / 3, low - 0.1, high)
    assert yes_or_no(right, column, 6) == (2 / 3, low, high + 0.1)


@pytest.mark.parametrize(("yes", "n"), [(0, 10), (1, 10), (10, 10), (37, 1000), (500, 1000)])
def test_an_exact_share_is_that_of_clopper_and_pearson(yes, n):
    known = binomtest(yes, n).proportion_ci(method="exact")
    assert exact_share(yes, n) == pytest.approx((yes / n, known.low, known.high))

"""P-values of yes-or-no pairs: Tango's score test by its likelihood, and two pseudo-pairs by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from adabench.harness.stats.paired import Clusters, difference, p_beyond
from adabench.harness.stats.student_t import moments, p_above


def pairs(wins, losses, ties, blocks=1):
    """Cases of which so many were won, lost and tied, each measured in so many equal blocks."""
    a = np.repeat([0.0, 1.0, 1.0], [wins, losses, ties])
    b = np.repeat([1.0, 0.0, 1.0], [wins, losses, ties])
    case, block = np.indices((len(a), blocks)).reshape(2, -1)
    return a[case], b[case], Clusters(np.zeros(case.size, int), case, block)


def tango(wins, losses, ties, margin):
    """The score statistic, with the chance of a loss where the likelihood's slope is zero."""
    n = wins + losses + ties

    def slope(q):
        return wins / (q + margin) + losses / q - 2 * ties / (1 - 2 * q - margin)

    least, most = max(0.0, -margin), (1 - margin) / 2
    lost = brentq(slope, least + 1e-12, most - 1e-12)
    return (wins - losses - n * margin) / math.sqrt(n * (2 * lost + margin * (1 - margin)))


def smoothed(wins, losses, ties, margin, df=math.inf):
    """One-sided p with half a win, half a loss and a tie more."""
    n, total = wins + losses + ties + 2, wins - losses
    error = math.sqrt((wins + losses + 1 - total**2 / n) / n) / n**0.5
    return float(stats.t.sf((total / n - margin) / error, df))


@pytest.mark.parametrize("counts", [(9, 1, 20), (30, 2, 68), (7, 6, 10), (2, 14, 60)])
def test_p_is_the_larger_one_of_tango_and_the_smoothed_mean(counts):
    a, b, where = pairs(*counts)
    mirrored = pairs(counts[1], counts[0], counts[2])
    for margin in (-0.2, -0.02, 0.01, 0.1):
        score, mean = stats.norm.sf(tango(*counts, margin)), smoothed(*counts, margin)
        found = p_beyond(a, b, where, margin, "difference", "above")
        assert found == pytest.approx(max(score, mean), rel=1e-6), margin
        back = p_beyond(*mirrored, -margin, "difference", "below")
        assert back >= found - 1e-9 or back == pytest.approx(found, rel=1e-6)


def test_each_of_the_two_is_the_larger_one_somewhere():
    cases = list(itertools.product([(9, 1, 20), (30, 2, 68), (7, 6, 10)], (-0.2, -0.02, 0.1)))
    larger = [stats.norm.sf(tango(*own, at)) > smoothed(*own, at) for own, at in cases]
    assert len(set(larger)) == 2


def test_without_a_margin_tango_is_the_test_of_mcnemar():
    for wins, losses, ties in ((10, 0, 40), (25, 3, 10)):
        p = p_beyond(*pairs(wins, losses, ties), 0.0, "difference", "above")
        mcnemar = stats.norm.sf((wins - losses) / math.sqrt(wins + losses))
        assert p == pytest.approx(max(mcnemar, smoothed(wins, losses, ties, 0.0)))


@pytest.mark.parametrize("side", ["above", "below"])
def test_pairs_that_all_agree_are_even_at_no_margin(side):
    assert p_beyond(*pairs(0, 0, 12), 0.0, "difference", side) == pytest.approx(0.5)


def test_pairs_that_all_agree_exclude_a_wide_margin_only():
    found = [p_beyond(*pairs(0, 0, 30), at, "difference", "above") for at in (-0.5, -0.1, 0.1)]
    assert found[0] < 1e-6
    assert 0.01 < found[1] < 0.1
    assert found[2] > 0.9


@pytest.mark.parametrize("counts", [(9, 1, 20), (7, 6, 10), (20, 1, 3)])
def test_equal_blocks_are_no_pairs_of_their_own_and_t_guards_them(counts):
    """Student's t over the cases, smoothed and as they are; no score test of what is no pair."""
    units = np.repeat([1.0, -1.0, 0.0], counts)
    for margin in (-0.1, 0.0, 0.2):
        plain = float(p_above(moments(units[:, None]), margin)[0])
        mean = smoothed(*counts, margin, len(units) - 1)
        found = p_beyond(*pairs(*counts, blocks=3), margin, "difference", "above")
        assert found == pytest.approx(max(plain, mean)), margin


def test_the_interval_of_single_pairs_is_normal_and_that_of_cases_student():
    """Agresti and Min (2005): the mean of n + 2 pairs."""
    for blocks, quantile in ((1, stats.norm.ppf(0.975)), (4, stats.t.ppf(0.975, 29))):
        effect = difference(*pairs(9, 1, 20, blocks))
        error = math.sqrt((11 - 64 / 32) / 32) / 32**0.5
        expected = 8 / 32 - quantile * error, 8 / 32 + quantile * error
        assert (effect.low, effect.high) == pytest.approx(expected)
        assert effect.estimate == pytest.approx(8 / 30)


def test_a_difference_of_shares_is_at_most_one():
    for wins, losses in ((4, 0), (0, 4)):
        effect = difference(*pairs(wins, losses, 0))
        assert -1 <= effect.low <= effect.estimate <= effect.high <= 1
        assert 1 in (abs(effect.low), abs(effect.high))


def test_one_sided_errors_of_single_pairs_are_near_their_level():
    """Every result of 24 pairs is enumerated: discordant in a third of them, and no effect."""
    n, level, error = 24, 0.05, 0.0
    for wins, losses in itertools.product(range(n + 1), repeat=2):
        if wins + losses <= n and p_beyond(*pairs(wins, losses, n - wins - losses), 0.0,
                                           "difference", "above") <= level:  # fmt: skip
            error += stats.multinomial.pmf(
                [wins, losses, n - wins - losses], n, [1 / 6, 1 / 6, 2 / 3]
            )
    assert 0.02 < error <= 0.056

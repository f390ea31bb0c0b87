"""The interval of paired yes-or-no outcomes: where its ends lie, and in exact worlds how often they err."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from adabench.harness.stats.paired_answers import answers_interval, is_paired_answers, score

Z = stats.norm.ppf(0.975)


def gaps(wins: int, losses: int, ties: int) -> np.ndarray:
    return np.repeat([1.0, -1.0, 0.0], [wins, losses, ties])


@pytest.mark.parametrize("counts", [(0, 1, 29), (1, 9, 40), (54, 33, 212), (6, 0, 94)])
def test_what_lies_outside_is_refused_by_the_score_test_too(counts):
    wins, losses, _ = counts
    n = sum(counts)
    low, high = answers_interval(gaps(*counts))
    assert score(n, wins, losses, low - 1e-6) >= Z
    assert score(n, wins, losses, high + 1e-6) <= -Z


def test_it_holds_the_interval_of_two_pseudo_pairs():
    for wins, losses, ties in ((2, 1, 97), (0, 3, 27), (9, 0, 1), (20, 10, 70)):
        n = wins + losses + ties + 2
        mean = (wins - losses) / n
        half = Z * math.sqrt(((wins + losses + 1) / n - mean**2) / n)
        low, high = answers_interval(gaps(wins, losses, ties))
        assert low <= max(mean - half, -1) + 1e-9
        assert high >= min(mean + half, 1) - 1e-9
        assert low < (wins - losses) / (n - 2) < high


def test_sides_change_places_with_wins_and_losses():
    low, high = answers_interval(gaps(7, 2, 30))
    assert answers_interval(gaps(2, 7, 30)) == pytest.approx((-high, -low))


@pytest.mark.parametrize("counts", [(10, 0, 0), (0, 10, 0), (0, 0, 10), (1, 0, 0)])
def test_what_all_pairs_say_is_no_certainty_and_stays_within_one(counts):
    low, high = answers_interval(gaps(*counts))
    assert -1 <= low < high <= 1


@pytest.mark.parametrize("n", [20, 60])
@pytest.mark.parametrize(("won", "lost"), [(0.1, 0.0), (0.02, 0.0), (0.15, 0.15), (0.2, 0.1)])
def test_neither_end_errs_more_often_than_one_time_in_forty(n, won, lost):
    """Exactly: over all outcomes of n pairs, by their probabilities."""
    truth, beyond = won - lost, [0.0, 0.0]
    for wins, losses in itertools.product(range(n + 1), repeat=2):
        if wins + losses > n:
            continue
        weight = stats.multinomial.pmf(
            [wins, losses, n - wins - losses], n, [won, lost, 1 - won - lost]
        )
        if weight < 1e-7:
            continue
        low, high = answers_interval(gaps(wins, losses, n - wins - losses))
        beyond[0] += weight * (low > truth + 1e-12)
        beyond[1] += weight * (high < truth - 1e-12)
    assert max(beyond) <= 0.026


def test_halves_are_no_answers():
    assert is_paired_answers(np.array([1.0, 0.0, -1.0]))
    assert not is_paired_answers(np.array([1.0, 0.5]))

import random
import statistics

import numpy as np
import pytest
from scipy.stats import nct
from scipy.stats import t as student

from adabench.harness.stats.detectable_effect import detectable, effects, smallest
from adabench.harness.stats.paired import Clusters, p_beyond
from adabench.harness.stats.student_t import quantile


@pytest.mark.parametrize(
    ("p", "df", "value"),
    [
        (0.975, 1, 12.7062), (0.975, 2, 4.3027), (0.975, 3, 3.1824), (0.975, 4, 2.7764),
        (0.975, 9, 2.2622), (0.975, 29, 2.0452), (0.8, 2, 1.0607), (0.8, 4, 0.9410),
        (0.8, 29, 0.8542),
    ],
)  # fmt: skip
def test_quantiles_of_student_against_printed_tables(p, df, value):
    assert float(quantile(p, df)) == pytest.approx(value, abs=5e-5)


def test_more_repeats_show_smaller_effects_and_no_noise_shows_all():
    found = [item.smallest for item in effects(0.01)]
    assert found == sorted(found, reverse=True)
    assert smallest(0.0, 3) == 0.0
    assert smallest(0.02, 10) > 1.9 * smallest(0.01, 10)


@pytest.mark.parametrize("n", [5, 10])
def test_an_effect_of_that_size_is_found_four_times_of_five(n):
    """Simulated: noise of 1 %, a paired t-test at 5 %, 4,000 experiments (sd of share 0.6 %)."""
    draw = random.Random(0)
    shift, hits = smallest(0.01, n), 0
    for _ in range(4_000):
        pairs = [draw.gauss(shift, 0.01) - draw.gauss(0.0, 0.01) for _ in range(n)]
        error = statistics.stdev(pairs) / n**0.5
        hits += abs(statistics.fmean(pairs)) > quantile(0.975, n - 1) * error
    assert hits / 4_000 == pytest.approx(0.8, abs=0.025)


@pytest.mark.parametrize("df", [2, 9, 29])
def test_the_detectable_effect_is_where_the_noncentral_t_finds_it_four_times_of_five(df):
    for alpha in (0.025, 1e-4, 0.05):
        effect = detectable(0.02, df, alpha)
        assert nct.sf(student.ppf(1 - alpha, df), df, effect / 0.02) == pytest.approx(0.8, abs=1e-5)


def test_repeats_of_two_methods_make_one_error():
    """Of a ratio of two means of n repeats: s times the root of 2 / n, at 5 % on two sides."""
    expected = np.expm1(detectable(0.01 * (2 / 5) ** 0.5, 4, 0.025))
    assert smallest(0.01, 5) == pytest.approx(expected)


@pytest.mark.parametrize("alpha", [0.05, 1e-4])
def test_the_detectable_effect_is_found_as_often_as_promised(alpha):
    error = 0.02 / 30**0.5
    effect = detectable(error, 29, alpha)
    draw, hits = np.random.default_rng(0), 0
    for _ in range(1000):
        gap = effect + 0.02 * draw.normal(size=30)
        hits += (
            p_beyond(
                np.zeros(30),
                gap,
                Clusters(np.zeros(30, int), np.arange(30), np.zeros(30, int)),
                0.0,
                "difference",
                "above",
            )
            <= alpha
        )
    # The guard against skew costs up to 7 points here: the essay of the module.
    assert 0.70 <= hits / 1000 <= 0.83

import random
import statistics

import numpy as np
import pytest
from scipy.stats import nct
from scipy.stats import t as student

from adabench.harness.stats.detectable_effect import detectable, effects, power, scatter, smallest
from adabench.harness.stats.paired import Clusters, difference, p_beyond
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


def nested(units, pairs):
    case, block = np.indices((units, pairs)).reshape(2, -1)
    return Clusters(np.zeros(case.size, int), case, block)


def test_scatter_tells_units_from_their_pairs():
    draw = np.random.default_rng(0)
    gap = (0.3 * draw.normal(size=(2000, 1)) + 0.1 * draw.normal(size=(2000, 4))).ravel()
    found = scatter(np.ones(8000), np.exp(gap), nested(2000, 4), "ratio")
    assert (found.between, found.within) == pytest.approx((0.3, 0.1), rel=0.05)
    assert (found.units, found.pairs) == (2000, 4.0)
    assert found.error(2000, 4) == pytest.approx((0.09 / 2000 + 0.01 / 8000) ** 0.5, rel=0.05)


def test_scatter_of_one_unit_is_refused():
    with pytest.raises(ValueError, match="more cases"):
        scatter(np.ones(1), np.ones(1), nested(1, 1), "difference")


def test_power_is_that_of_the_noncentral_t():
    expected = nct.sf(student.ppf(0.99, 9), 9, 3.0)
    assert power(0.3, 0.1, 9, 0.01) == pytest.approx(expected, rel=1e-6)
    assert power(0.0, 0.1, 9, 0.01) == pytest.approx(0.01)


def test_without_noise_any_effect_is_found_and_none_is_not():
    assert (power(1e-9, 0.0, 9, 0.01), power(0.0, 0.0, 9, 0.01)) == (1.0, 0.0)


@pytest.mark.parametrize("df", [2, 9, 29])
def test_the_detectable_effect_is_where_the_power_is_what_was_wanted(df):
    for alpha, wanted in ((0.025, 0.8), (1e-4, 0.8), (0.05, 0.95)):
        effect = detectable(0.02, df, alpha, wanted)
        assert power(effect, 0.02, df, alpha) == pytest.approx(wanted, abs=1e-5)
    assert detectable(0.02, df, 0.025) == detectable(0.02, df, 0.025, 0.8)


def test_repeats_of_two_methods_make_one_error():
    """Of a ratio of two means of n repeats: s times the root of 2 / n, at 5 % on two sides."""
    expected = np.expm1(detectable(0.01 * (2 / 5) ** 0.5, 4, 0.025))
    assert smallest(0.01, 5) == pytest.approx(expected)


def test_scatter_of_few_pairs_by_hand():
    """Two cases of 0, 2 and 4, 6: means 1 and 5, and 2 within each on one degree of freedom."""
    found = scatter(np.zeros(4), np.array([0.0, 2.0, 4.0, 6.0]), nested(2, 2), "difference")
    assert found.within == pytest.approx(2**0.5)
    assert found.between == pytest.approx((8 - 2 / 2) ** 0.5)
    single = scatter(np.zeros(3), np.array([1.0, 2.0, 3.0]), nested(3, 1), "difference")
    assert (single.between, single.within, single.units, single.pairs) == (1.0, 0.0, 3, 1.0)
    seeds = Clusters(np.repeat(range(5), 4), np.tile([0, 0, 1, 1], 5), np.tile([0, 1, 0, 1], 5))
    many = scatter(np.zeros(20), np.arange(20.0), seeds, "difference")
    assert (many.units, many.pairs) == (5, 4.0)
    assert many.within == pytest.approx(np.std([0, 1, 2, 3], ddof=1))


@pytest.mark.parametrize("alpha", [0.05, 1e-4])
def test_the_detectable_effect_is_found_as_often_as_promised(alpha):
    error = 0.02 / 30**0.5
    effect = detectable(error, 29, alpha)
    draw, hits = np.random.default_rng(0), 0
    for _ in range(1000):
        gap = effect + 0.02 * draw.normal(size=30)
        hits += p_beyond(np.zeros(30), gap, nested(30, 1), 0.0, "difference", "above") <= alpha
    # The guard against skew costs up to 7 points here: the essay of the module.
    assert 0.70 <= hits / 1000 <= 0.83


def test_the_interval_is_as_narrow_as_the_error_foretold():
    draw = np.random.default_rng(5)
    gap = 0.3 * np.repeat(draw.normal(size=200), 4) + 0.1 * draw.normal(size=800)
    found = scatter(np.zeros(800), gap, nested(200, 4), "difference")
    effect = difference(np.zeros(800), gap, nested(200, 4))
    assert (effect.high - effect.low) / 3.94 == pytest.approx(found.error(200, 4), rel=0.05)

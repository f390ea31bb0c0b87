"""Intervals of means whose parts have a closed form: of seeds, of cases, of many, of a few."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from adabench.harness.stats.bootstrap import resample, without_case, without_seed
from adabench.harness.stats.intervals import FURTHER, MANY, UNSEEN, Replicate, bootstrap, means

EVEN = np.array([-4.0, -2.0, -1.0, -1.0, 1.0, 1.0, 2.0, 4.0])
SKEWED = np.array([0.2, 0.3, 0.3, 0.5, 0.6, 0.9, 1.4, 3.8])
CASES = 200
"""Eight seeds of so many are more places than are resampled: the jackknife speaks alone."""
assert len(EVEN) * CASES > MANY


def over(values, cases=1, method="union"):
    """The interval of the mean where each seed has so many cases of one value."""
    where = [Replicate(seed, "", case) for seed in range(len(values)) for case in range(cases)]
    return bootstrap(where, means(np.repeat(values, cases)[:, None]), method)[0]


def hall(values, more):
    """Student's t and Hall's correction, the further end of the two, of so much more skewness."""
    m, t = len(values), stats.t.ppf(0.975, len(values) - 1)
    skewness = stats.skew(values, bias=False) * ((m - 1) / m) ** 1.5
    bend = more * skewness / m**0.5

    def equation(x):
        return x + bend * x**2 / 3 + bend**2 * x**3 / 27 + bend / 6

    low, high = (brentq(lambda x, end=end: equation(x) - end, -99, 99) for end in (-t, t))
    error = stats.sem(values)
    return np.mean(values) - error * max(t, high), np.mean(values) - error * min(-t, low)


def test_many_cases_of_even_seeds_have_the_interval_of_student():
    found = over(EVEN, CASES)
    expected = stats.t.interval(0.95, 7, 0.0, stats.sem(EVEN))
    assert found[1:] == pytest.approx(expected)
    assert found[1:] == pytest.approx(hall(EVEN, 1.0))


@pytest.mark.parametrize("scale", [1.0, 1e-3, -1.0, -1e-3])
def test_what_cannot_be_negative_is_taken_to_be_more_skewed_than_it_looks(scale):
    found = over(scale * SKEWED, CASES)
    assert sorted(found[1:]) == pytest.approx(sorted(hall(scale * SKEWED, 1 + UNSEEN / 8)))


@pytest.mark.parametrize("scale", [1.0, 1e-3])
@pytest.mark.parametrize("shift", [0.25, 2.0])
def test_what_may_have_either_sign_is_as_skewed_as_it_looks(shift, scale):
    values = scale * (SKEWED - shift)
    assert over(values, CASES)[1:] == pytest.approx(hall(values, 1.0))
    assert over(-values, CASES)[1:] == pytest.approx(hall(-values, 1.0))


def test_bca_of_few_units_is_as_wide_as_student_says():
    """Resamples divide by n, and know no t: both are brought in. 2,000 of them err by 3 %."""
    for values in (EVEN, EVEN[[0, 2, 4, 5, 7]] - 0.4):
        found = over(values, 1, "bca")
        expected = 2 * stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
        # The tails of so few even values are shorter than the normal ones.
        assert 0.9 < (found.high - found.low) / expected < 1.06


def test_the_union_holds_both_intervals_and_no_more():
    both = over(SKEWED, 1), over(SKEWED, 1, "bca")
    alone = hall(SKEWED, 1 + UNSEEN / 8)
    assert both[0].low == pytest.approx(min(both[1].low, alone[0]))
    assert both[0].high == pytest.approx(max(both[1].high, alone[1]))


def test_a_statistic_that_no_single_unit_moves_is_left_to_its_resamples():
    """A median of equal values in the middle: leaving one out changes nothing, drawing does."""
    values = np.array([1.0, 2.0, 2.0, 2.0, 2.0, 3.0])

    def median(weights):
        half = weights.sum(axis=1, keepdims=True) / 2
        place = (np.cumsum(weights, axis=1) >= half).argmax(axis=1)
        return values[place][:, None]

    where = [Replicate(0, "", case) for case in range(6)]
    (found,) = bootstrap(where, median)
    assert found.estimate == 2
    assert found.low <= 2 <= found.high


def test_a_statistic_that_is_undefined_has_no_interval():
    def undefined(weights):
        return np.full((len(weights), 1), np.nan)

    for where in (6, 1), (1, 6), (3, 2), (3, 500), (8, 200):
        places = [Replicate(seed, "", case) for seed in range(where[0]) for case in range(where[1])]
        (found,) = bootstrap(places, undefined)
        assert np.isnan(found.estimate)
        assert found[1:] == (None, None)


@pytest.mark.parametrize("seeds", [1, 3, 6])
def test_a_statistic_that_some_resamples_leave_undefined_has_no_interval(seeds):
    """It needs three certain cases, of which one is missing in most resamples."""

    def needing(weights):
        return np.where(weights[:, :3].min(axis=1, keepdims=True) > 0, weights[:, :1], np.nan)

    where = [Replicate(seed, "", case) for seed in range(seeds) for case in range(12 // seeds)]
    assert bootstrap(where, needing)[0] == (1.0, None, None)


@pytest.mark.parametrize(
    "values", [[-1.0, 1.0], [-1.0, 0.0, 1.0], [-1.0, -1.0, 1.0, 1.0]], ids=["two", "three", "four"]
)
@pytest.mark.parametrize("cases", [6, 600])
def test_of_few_seeds_that_alone_differ_the_formula_is_that_of_their_number(values, cases):
    """Cases without noise: t of k - 1 degrees, and the seeds' variance that drawing lacks."""
    k, found = len(values), over(np.array(values), cases)
    assert found.estimate == 0
    factor = FURTHER.get(k, 1.0) * stats.t.ppf(0.975, k - 1) / stats.norm.ppf(0.975)
    factor *= np.sqrt(k / (k - 1))  # 1 + between / (seeds * total), in seeds alone
    # A resample's mean reaches the outermost seed more often than once in forty; many are not drawn.
    reach = 1.0 if k * cases <= MANY else stats.norm.ppf(0.975) * np.std(values) / k**0.5
    # With one degree of freedom t is steep: what resampling errs by in them, it errs by in t.
    assert found.high == pytest.approx(factor * reach, rel=0.07 if k == 2 else 0.03)
    assert found.low == pytest.approx(-found.high, rel=0.01)


@pytest.mark.parametrize("seeds", [2, 3, 4])
@pytest.mark.parametrize("cases", [40, 600])
def test_of_few_seeds_that_are_alike_the_cases_decide(seeds, cases):
    """No seed effect at all: t over the cases less the seeds; parts and resamples err by 10 %."""
    draw = np.random.default_rng(seeds).normal(size=(seeds, cases))
    values = draw - draw.mean(axis=1, keepdims=True)
    where = [Replicate(seed, "", case) for seed in range(seeds) for case in range(cases)]
    (found,) = bootstrap(where, means(values.reshape(-1, 1)))
    df = seeds * cases - seeds
    half = FURTHER.get(seeds, 1.0) * stats.t.ppf(0.975, df) * values.std() / (seeds * cases) ** 0.5
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)


def test_seeds_of_one_training_are_one_unit():
    values = np.random.default_rng(5).normal(size=(3, 4))
    seeds = [Replicate(seed, "", case) for seed in range(3) for case in range(4)]
    trained = [one._replace(seed=4 * one.seed + one.case, unit=one.seed) for one in seeds]
    plain, shared = (bootstrap(where, means(values.reshape(-1, 1))) for where in (seeds, trained))
    assert plain == shared
    many = [one._replace(unit=None) for one in trained]
    assert bootstrap(many, means(values.reshape(-1, 1))) != plain


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -37.0, 1e9])
def test_equal_cases_are_a_point_however_many_there_are(value):
    """To the bit: a width of rounding would read as scatter, and a share as certain."""
    for seeds, cases in (1, 8), (1, 2000), (3, 4), (3, 600), (8, 1), (8, 200):
        found = over(np.full(seeds, value), cases)
        assert found.low == found.estimate == found.high, (seeds, cases)
        assert found.estimate == pytest.approx(value)


def test_weights_that_are_shared_cannot_be_written():
    strata = tuple((seed, "") for seed in (0, 0, 1, 1))
    for weights in (resample(strata), without_case(strata, MANY).weights):
        with pytest.raises(ValueError, match="read-only"):
            weights[0, 0] = 7.0


def test_each_seed_is_left_out_by_itself_unless_there_are_many_places():
    few = without_seed(range(200), 200).weights
    assert np.array_equal(few, 1 - np.eye(200))
    many = without_seed(range(200), 199).weights
    assert len(many) == 128
    assert np.array_equal((many == 0).sum(axis=0), np.ones(200))


def test_of_many_cases_each_group_is_cut_into_parts_by_its_size_and_two_at_least():
    strata = ((0, "a"),) * 1000 + ((0, "b"),) * 1040 + ((0, "c"),) * 8
    left = without_case(strata, 2047)
    assert np.bincount(left.stratum).tolist() == [62, 65, 2]
    assert np.array_equal((left.weights == 0).sum(axis=0), np.ones(len(strata)))
    for start, stop in ((0, 1000), (1000, 2040), (2040, 2048)):
        assert left.weights[:, start:stop].sum(axis=1) == pytest.approx(stop - start)
    assert len(without_case(strata[:60], 60).weights) == 60

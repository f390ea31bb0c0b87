import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adabench.harness.stats.bootstrap import resample, without_case
from adabench.harness.stats.intervals import (
    MANY,
    Replicate,
    bootstrap,
    means,
    pareto_front,
    share,
    upper_hull,
    yes_or_no,
)

NUMBER = st.integers(-50, 50).map(float)
DOTS = st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=12)


def places(seeds, cases, group=lambda case: ""):
    return [Replicate(seed, group(case), case) for seed in range(seeds) for case in range(cases)]


def mean_interval(where, values):
    return bootstrap(where, means(np.asarray(values, float).reshape(-1, 1)))[0]


def test_five_seeds_of_one_case_are_not_overconfident():
    # A plain percentile bootstrap covers 0.80 here.
    generator, where, trials = np.random.default_rng(3), places(5, 1), 300
    intervals = [mean_interval(where, generator.exponential(size=5)) for _ in range(trials)]
    assert np.mean([i.low <= 1 <= i.high for i in intervals]) >= 0.86


def test_no_interval_without_replication():
    assert mean_interval(places(1, 1), [3.0]) == (3.0, None, None)
    families = places(1, 4, group=lambda case: f"family {case}")
    assert mean_interval(families, [1.0, 2.0, 3.0, 4.0]) == (2.5, None, None)


def test_equal_values_give_the_point():
    assert (
        mean_interval(places(3, 4), [0.1] * 12)[1:]
        == (mean_interval(places(3, 4), [0.1] * 12)[0],) * 2
    )


def test_fixed_families_add_no_width_between_seeds():
    # Families differ tenfold, seeds not at all: only exchangeable cases make an interval.
    values = [1.0, 10.0, 100.0] * 4
    grouped = mean_interval(places(4, 3, group=lambda case: f"family {case}"), values)
    assert grouped == (37.0, 37.0, 37.0)
    loose = mean_interval(places(4, 3), values)
    assert loose.high - loose.low > 20


def test_every_group_is_in_every_resample_of_a_seed():
    strata = tuple((0, f"family {case % 3}") for case in range(9))
    weights = resample(strata)
    by_family = [weights[:, family::3].sum(axis=1) for family in range(3)]
    assert np.all(np.array(by_family) == 3)


@settings(max_examples=25, deadline=None)
@given(st.lists(NUMBER, min_size=6, max_size=6), st.integers(1, 9), NUMBER)
def test_the_interval_moves_and_stretches_with_the_data(values, scale, shift):
    where = places(3, 2)
    plain = mean_interval(where, values)
    moved = mean_interval(where, [scale * value + shift for value in values])
    expected = [scale * end + shift for end in plain]
    assert np.allclose(moved, expected, rtol=1e-6, atol=1e-6 * (1 + abs(scale) * 50 + abs(shift)))


def test_intervals_are_deterministic_and_shrink_with_seeds():
    generator = np.random.default_rng(0)
    few, many = generator.normal(size=(5, 4)), generator.normal(size=(80, 4))
    assert mean_interval(places(5, 4), few) == mean_interval(places(5, 4), few)
    narrow, wide = mean_interval(places(80, 4), many), mean_interval(places(5, 4), few)
    assert narrow.high - narrow.low < (wide.high - wide.low) / 2


def test_a_statistic_that_is_often_undefined_has_no_interval():
    def often(weights):
        return np.where(weights[:, :1] > 0, 1.0, np.nan)

    assert bootstrap(places(6, 1), often)[0] == (1.0, None, None)


@given(DOTS)
def test_pareto_front_is_idempotent_and_free_of_order(dots):
    front = [dots[i] for i in pareto_front(*zip(*dots, strict=True))]
    assert [front[i] for i in pareto_front(*zip(*front, strict=True))] == front
    turned = dots[::-1]
    assert [turned[i] for i in pareto_front(*zip(*turned, strict=True))] == front


@given(DOTS)
def test_no_dot_beats_the_front_and_every_dot_is_beaten_or_on_it(dots):
    front = [dots[i] for i in pareto_front(*zip(*dots, strict=True))]
    for cost, quality in dots:
        assert any(x <= cost and y >= quality for x, y in front)
    for (x, y), (further, higher) in itertools.pairwise(front):
        assert further > x
        assert higher > y


@given(DOTS)
def test_hull_is_concave_rising_and_above_every_dot(dots):
    hull = [dots[i] for i in upper_hull(*zip(*dots, strict=True))]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(hull)]
    assert all(slope > 0 for slope in slopes)
    assert all(a >= b - 1e-12 for a, b in itertools.pairwise(slopes))
    x, y = zip(*hull, strict=True)
    assert all(quality <= np.interp(cost, x, y) + 1e-9 for cost, quality in dots)
    assert [hull[i] for i in upper_hull(x, y)] == hull


def test_hull_leaves_out_what_mixing_beats():
    assert upper_hull([1, 2, 3, 4], [0.0, 0.4, 1.0, 0.9]) == [0, 2]


def test_an_interval_is_not_cut_off_at_the_estimate_by_rounding():
    # Unlike groups, two seeds: many resamples equal the estimate up to the last bit.
    base = (0.1, 0.7, 1.3, 2.9, 95.3)
    places = [Replicate(seed, f"g{case}", case) for seed in (0, 1) for case in range(5)]
    values = np.array([[base[p.case] * (1 + 0.01 * p.seed)] for p in places])
    (interval,) = bootstrap(places, means(values))
    assert interval.low < interval.estimate < interval.high


def test_ten_of_ten_is_no_certainty():
    all_ten = share(10, 10)
    assert (all_ten.estimate, all_ten.high) == (1.0, 1.0)
    assert 0.6 < all_ten.low < 0.8
    assert mean_interval(places(1, 10), [1.0] * 10).low == 1.0  # what bootstrap alone would say
    column = np.ones(10)
    assert yes_or_no(mean_interval(places(1, 10), column), column, 1) == all_ten
    assert yes_or_no(mean_interval(places(5, 2), column), column, 5).low == all_ten.low


def test_seeds_that_differ_keep_their_width_beside_that_of_a_share():
    column = np.repeat([1.0, 0.0, 1.0, 0.0, 1.0, 0.0], 50)
    found = mean_interval(places(6, 50), column)
    assert found.high - found.low > 1
    assert yes_or_no(found, column, 6) == (0.5, 0.0, 1.0)


def test_many_cases_agree_with_what_resampling_says():
    draw = np.random.default_rng(1)
    values = draw.exponential(size=MANY)
    drawn = mean_interval(places(1, MANY), values)
    left_out = mean_interval(places(1, 8 * MANY), np.tile(values, 8))
    assert left_out.high - left_out.low == pytest.approx((drawn.high - drawn.low) / 8**0.5, rel=0.1)
    for seeds in (3, 8):
        where = places(seeds, MANY)
        found = mean_interval(where, draw.exponential(size=len(where)))
        assert found.low < found.estimate < found.high
        assert found.high - found.low < 0.4


def test_leaving_out_a_case_keeps_the_weight_of_its_group():
    strata = ((0, "a"), (0, "a"), (0, "b"), (0, "b"), (0, "b"), (0, "lone"))
    left = without_case(strata, 100)
    assert len(left.weights) == 5
    assert left.weights[:, :2].sum(axis=1) == pytest.approx(2)
    assert left.weights[:, 2:5].sum(axis=1) == pytest.approx(3)
    assert np.all(left.weights[:, 5] == 1)
    assert left.stratum.tolist() == [0, 0, 1, 1, 1]


def test_seeds_are_the_units_from_five_on():
    effect = np.repeat(np.random.default_rng(2).normal(size=5), 40)
    found = mean_interval(places(5, 40), effect)
    five = mean_interval(places(5, 1), effect[::40])
    assert (found.low, found.high) == pytest.approx((five.low, five.high))


def test_quotients_are_left_to_bca():
    values = np.random.default_rng(3).exponential(size=(12, 1))
    both = [bootstrap(places(1, 12), means(values), how)[0] for how in ("union", "bca")]
    assert both[0].low <= both[1].low
    assert both[0].high >= both[1].high
    assert both[0] != both[1]


@pytest.mark.parametrize("kind", ["normal", "exponential"])
@pytest.mark.parametrize(("cases", "effect"), [(1, 0.0), (4, 0.5), (12, 1.0)])
def test_a_further_seed_does_not_widen_an_interval_on_average(kind: str, cases: int, effect: float):
    """Nested worlds: the first seeds are the same whatever their number."""
    generator = np.random.default_rng(11)
    draw = generator.standard_normal if kind == "normal" else generator.standard_exponential
    values = draw((150, 6, cases)) + effect * draw((150, 6, 1))
    widths = []
    for seeds in range(2, 7):
        places = [Replicate(seed, "", case) for seed in range(seeds) for case in range(cases)]
        found = [bootstrap(places, means(world[:seeds].reshape(-1, 1)))[0] for world in values]
        widths.append(float(np.mean([one.high - one.low for one in found])))
    for fewer, more in itertools.pairwise(widths):
        assert more <= 1.02 * fewer  # a mean of 150 worlds; before, the fifth seed added 14 to 41 %


@pytest.mark.parametrize("method", ["union", "totals"])
def test_a_zero_that_differs_by_rounding_between_strata_has_an_interval(method) -> None:
    rounding = np.finfo(float).eps

    def cancelled(weights):
        return np.where(weights[:, -1:] == 1, 0.0, rounding)  # the last two cases are a group

    (found,) = bootstrap(places(1, 14, lambda case: case // 2), cancelled, method)
    assert found.estimate == 0
    assert 0 <= found.low <= found.high <= 4 * rounding

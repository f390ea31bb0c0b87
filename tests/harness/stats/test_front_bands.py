import numpy as np
import pytest
from scipy import stats

from adabench.harness.stats.front_bands import Band, _least, front_band, units_of
from adabench.harness.stats.intervals import Replicate


def dots(n, seed=0, quality=(0.3, 0.6, 0.5)):
    draw = np.random.default_rng(seed)
    hard = draw.normal(size=(n, 1))
    cost = np.array([1.0, 2.0, 3.0]) * np.exp(0.2 * (hard + draw.normal(size=(n, 3))))
    return cost, np.array(quality) + 0.2 * hard + 0.1 * draw.normal(size=(n, 3))


def test_the_band_lies_around_the_front_and_shrinks_with_cases():
    widths = []
    for n in (20, 200):
        cost, quality = dots(n)
        band = front_band(cost, quality)
        for at in (0.5, 1.0, 1.5, 2.5, 4.0):
            reached = quality.mean(axis=0)[cost.mean(axis=0) <= at]
            front = reached.max() if len(reached) else -np.inf
            assert band.lower(at) <= front <= band.upper(at)
        widths.append(band.upper(4.0) - band.lower(4.0))
    assert widths[1] < widths[0] / 2


def test_the_band_is_as_wide_in_cost_as_costs_are_uncertain():
    cost, quality = dots(50)
    band = front_band(cost, quality)
    assert band.upper(cost.mean(axis=0)[0] * 0.99) > -np.inf  # the first dot may be cheaper
    assert band.lower(cost.mean(axis=0)[0] * 1.01) == -np.inf  # or dearer
    exact = front_band(np.tile([1.0, 2.0, 3.0], (50, 1)), quality)
    assert exact.upper(0.99) == -np.inf < exact.lower(1.01)


def test_a_method_that_solved_all_ten_has_no_certain_accuracy():
    cost = np.tile([1.0, 2.0], (10, 1))
    band = front_band(cost, np.ones((10, 2)))
    assert band.lower(1.5) < 0.8


def test_many_dots_widen_the_band():
    draw = np.random.default_rng(0)
    cost, quality = draw.exponential(size=(40, 30)) + np.arange(1, 31), draw.normal(size=(40, 30))
    quality += np.arange(30)
    assert front_band(cost, quality).k > front_band(cost[:, :1], quality[:, :1]).k + 0.3


def test_two_units_are_too_few_and_seeds_are_units_from_five_on():
    with pytest.raises(ValueError, match="three"):
        front_band(np.ones((2, 1)), np.ones((2, 1)))
    columns = np.arange(24.0).reshape(12, 2)
    six = [Replicate(seed, "", case) for seed in range(6) for case in range(2)]
    assert units_of(six, columns).tolist() == columns.reshape(6, 2, 2).mean(axis=1).tolist()
    assert units_of([Replicate(0, "", case) for case in range(12)], columns) is columns


def test_both_curves_step_up_where_a_box_begins():
    band = Band(0.95, 2.0, 9, (1.0, 3.0), (2.0, 4.0), (0.1, 0.3), (0.2, 0.5))
    assert [band.lower(at) for at in (1.99, 2.0, 3.99, 4.0)] == [-np.inf, 0.1, 0.1, 0.3]
    assert [band.upper(at) for at in (0.99, 1.0, 2.99, 3.0)] == [-np.inf, 0.2, 0.2, 0.5]


def test_the_band_of_one_dot_of_a_certain_cost_is_nearly_the_interval_of_student():
    quality = np.random.default_rng(3).normal(size=(100, 1))
    band = front_band(np.ones((100, 1)), quality)
    error = stats.sem(quality[:, 0])
    assert (band.level, band.units) == (0.95, 100)
    assert band.k == pytest.approx(stats.t.ppf(0.975, 99), rel=0.06)
    ends = quality.mean() - band.k * error, quality.mean() + band.k * error
    assert (band.quality_low[0], band.quality_high[0]) == pytest.approx(ends)
    assert band.cost_low[0] == pytest.approx(1.0)
    assert front_band(np.ones((100, 1)), quality, 0.5).k < 0.5 * band.k


def test_costs_are_logarithms_where_all_are_positive():
    draw = np.random.default_rng(4)
    cost, quality = np.exp(draw.normal(size=(60, 1))), draw.normal(size=(60, 1))
    band, mean = front_band(cost, quality), cost.mean()
    factor = np.exp(band.k * stats.sem(cost[:, 0]) / mean)
    ends = band.cost_low[0], band.cost_high[0]
    assert ends == pytest.approx((mean / factor, mean * factor))
    cost[0] = 0.0
    half = band.k * stats.sem(cost[:, 0])
    moved = front_band(cost, quality)
    assert moved.cost_low[0] == pytest.approx(cost.mean() - half * moved.k / band.k)
    assert moved.cost_high[0] == pytest.approx(cost.mean() + half * moved.k / band.k)


def test_two_successes_and_two_failures_are_added_to_qualities_of_zeros_and_ones():
    for yes in (10, 7, 0):
        quality = (np.arange(10) < yes).astype(float)[:, None]
        band = front_band(np.ones((10, 1)), quality)
        share = (yes + 2) / 14
        half = band.k * np.sqrt(share * (1 - share) / 14)
        half *= stats.t.ppf(0.975, 9) / stats.norm.ppf(0.975)
        assert band.quality_low[0] == pytest.approx(min(share - half, yes / 10))
        assert band.quality_high[0] == pytest.approx(max(share + half, yes / 10))


def test_half_widths_are_the_least_that_hold_the_curve_and_never_less_than_of_one_side():
    band = front_band(np.ones((5, 1)), np.arange(5.0)[:, None])
    assert band.k >= stats.norm.ppf(0.975)
    draw = np.random.default_rng(6)
    center, error = draw.normal(size=(40, 6)), 0.2 + draw.random((40, 6))
    truth = draw.normal(size=6)
    for k, own, scale in zip(_least(center, error, truth), center, error, strict=True):
        assert holds(own, scale, truth, k + 1e-9)
        assert k == 0 or not holds(own, scale, truth, k - 1e-6)


def holds(center, error, truth, k):
    """Whether the two step curves of boxes of so many errors hold the curve of some dots."""
    p, half = len(truth) // 2, k * error
    ends = zip(*((center + way * half).reshape(2, p).tolist() for way in (-1, 1)), strict=True)
    (cost_low, cost_high), (quality_low, quality_high) = ends
    band = Band(0.95, k, 9, cost_low, cost_high, quality_low, quality_high)
    for at in np.r_[truth[:p], cost_low, cost_high] + 1e-9:
        reached = truth[p:][truth[:p] <= at]
        front = reached.max() if len(reached) else -np.inf
        if not band.lower(at) - 1e-9 <= front <= band.upper(at) + 1e-9:
            return False
    return True


def test_the_band_of_many_units_shrinks_with_their_root():
    """Above 512 units they are averaged to as many parts, which keeps the error of the mean."""
    cost, quality = dots(500)
    few, many = (front_band(np.tile(cost, (k, 1)), np.tile(quality, (k, 1))) for k in (1, 4))
    assert many.units == 2000
    ratio = (few.upper(4.0) - few.lower(4.0)) / (many.upper(4.0) - many.lower(4.0))
    assert ratio == pytest.approx(2, rel=0.1)


def test_the_band_holds_the_whole_front_about_as_often_as_promised():
    """120 worlds of 12 units: a standard deviation of 2 %. A box for each dot would hold more."""
    draw, truth, held = np.random.default_rng(8), np.array([0.3, 0.6, 0.5]), 0
    for _ in range(120):
        cost = np.array([1.0, 2.0, 3.0]) * np.exp(0.3 * draw.normal(size=(12, 3)) - 0.045)
        band = front_band(cost, truth + 0.2 * draw.normal(size=(12, 3)))
        steps = [(0.999, -np.inf), (1.0, 0.3), (1.999, 0.3), (2.0, 0.6), (5.0, 0.6)]
        held += all(band.lower(at) <= front <= band.upper(at) for at, front in steps)
    assert 0.88 <= held / 120 <= 0.99

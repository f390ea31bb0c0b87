import math

import numpy as np
import pytest
from scipy import stats

from adabench.harness.stats.paired import Clusters, batches, difference, p_beyond, ratio


def where(seeds, cases, blocks=1):
    seed, case, block = np.indices((seeds, cases, blocks)).reshape(3, -1)
    return Clusters(seed, case, block)


def noisy(n, factor=1.05, sigma=0.02, seed=0):
    draw = np.random.default_rng(seed)
    a = np.exp(draw.normal(size=n))
    return a, factor * a * np.exp(sigma * draw.normal(size=n))


def test_a_ratio_of_known_size_is_inside_a_narrow_interval():
    effect = ratio(*noisy(60), where(1, 60))
    assert effect.low < 1.05 < effect.high
    assert effect.high - effect.low < 0.02
    assert (effect.n, effect.clusters, effect.over) == (60, 60, "case")


def test_swapping_the_sides_turns_ratio_and_difference_round():
    a, b = noisy(20)
    there, back = ratio(a, b, where(1, 20)), ratio(b, a, where(1, 20))
    assert (1 / there.low, 1 / there.high) == pytest.approx((back.high, back.low))
    there, back = difference(a, b, where(1, 20)), difference(b, a, where(1, 20))
    assert (-there.low, -there.high) == pytest.approx((back.high, back.low))


def test_the_blocks_of_a_case_are_no_new_cases():
    a, b = noisy(20)
    once = ratio(a, b, where(1, 20))
    again = ratio(np.repeat(a, 50), np.repeat(b, 50), where(1, 20, 50))
    assert (again.low, again.high) == pytest.approx((once.low, once.high))
    assert again.clusters == 20


def test_seeds_are_units_from_five_on_and_their_effect_widens_the_interval():
    shift = np.repeat(np.random.default_rng(1).normal(size=6), 50)
    b = shift + 0.01 * np.random.default_rng(2).normal(size=300)
    over_seeds = difference(np.zeros(300), b, where(6, 50))
    over_cases = difference(np.zeros(300), b, where(6, 50), over="case")
    assert (over_seeds.over, over_seeds.clusters) == ("seed", 6)
    assert over_seeds.high - over_seeds.low > 5 * (over_cases.high - over_cases.low)
    assert difference(np.zeros(200), b[:200], where(4, 50)).over == "case"


def test_one_unit_falls_to_the_next_finer_one_and_says_so():
    a, b = noisy(8)
    effect = ratio(a, b, where(1, 1, 8), over="seed")
    assert (effect.over, effect.clusters) == ("block", 8)
    assert "one seed only" in effect.note


def test_one_pair_has_no_interval_and_proves_nothing():
    effect = ratio(np.array([1.0]), np.array([2.0]), where(1, 1))
    assert (effect.estimate, effect.low, effect.high) == (2.0, 0.0, math.inf)
    assert effect.note
    assert p_beyond(np.ones(1), 2 * np.ones(1), where(1, 1), 1.0, "ratio", "above") == 1.0


def test_alike_neighbours_widen_the_interval():
    draw, level, noise = np.random.default_rng(0), 0.0, []
    for _ in range(100):
        level = 0.8 * level + draw.normal()
        noise.append(0.01 * level)
    a, b, spot = np.ones(100), np.exp(noise), where(1, 1, 100)
    narrow, wide = ratio(a, b, spot, over="block"), ratio(a, b, spot, over="series")
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    assert wide.clusters == batches(100) == 5


@pytest.mark.parametrize("n", [10, 30])
def test_ten_ties_of_yes_and_no_are_no_certainty(n):
    effect = difference(np.ones(n), np.ones(n), where(1, n))
    assert effect.estimate == 0
    assert effect.low < -1 / n
    assert effect.high > 1 / n
    assert p_beyond(np.ones(n), np.ones(n), where(1, n), -0.02, "difference", "above") > 0.1


def test_scores_without_scatter_prove_what_they_show():
    a, b = np.full(5, 2.0), np.full(5, 2.5)
    effect = difference(a, b, where(1, 5))
    assert (effect.low, effect.high) == (0.5, 0.5)
    assert "no scatter" in effect.note
    assert p_beyond(a, b, where(1, 5), 0.4, "difference", "above") == 0.0
    assert p_beyond(a, b, where(1, 5), 0.6, "difference", "above") == 1.0


def test_interval_and_p_value_agree():
    a, b = noisy(25, sigma=0.05)
    effect = ratio(a, b, where(1, 25), level=0.95)
    assert p_beyond(a, b, where(1, 25), effect.low, "ratio", "above") == pytest.approx(0.025)
    assert p_beyond(a, b, where(1, 25), effect.high, "ratio", "below") == pytest.approx(0.025)


def test_p_values_fall_with_the_effect_and_the_two_sides_mirror():
    spot = where(1, 30)
    found = [p_beyond(*noisy(30, factor), spot, 1.03, "ratio", "above")
             for factor in (1.0, 1.03, 1.05, 1.2)]  # fmt: skip
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.99
    assert found[-1] < 1e-12
    a, b = noisy(30)
    mirrored = p_beyond(b, a, spot, 1 / 1.03, "ratio", "below")
    assert p_beyond(a, b, spot, 1.03, "ratio", "above") == pytest.approx(mirrored)


def test_two_points_of_accuracy_lost_are_found_in_many_pairs():
    draw = np.random.default_rng(3)
    a = (draw.random(4000) < 0.8).astype(float)
    b = np.where(draw.random(4000) < 0.03, 0.0, a)
    spot = where(1, 4000)
    assert p_beyond(a, b, spot, -0.01, "difference", "below") < 1e-4
    assert p_beyond(a, b, spot, -0.05, "difference", "below") > 0.99


def test_two_seeds_are_units_where_they_are_asked_for():
    a, b = noisy(8)
    effect = ratio(a, b, where(2, 4), over="seed")
    gap = np.log(b / a).reshape(2, 4).mean(axis=1)
    half = 12.7062 * abs(gap[0] - gap[1]) / 2
    assert (effect.over, effect.clusters, effect.note) == ("seed", 2, "")
    assert math.log(effect.high / effect.estimate) == pytest.approx(half, rel=1e-4)


def test_even_differences_have_the_interval_of_student():
    gap = np.array([-3.0, -1.0, 0.0, 1.0, 3.0])
    effect = difference(np.zeros(5), 0.5 + gap, where(1, 5), level=0.9)
    assert (effect.low, effect.high) == pytest.approx(stats.t.interval(0.9, 4, 0.5, 1.0))
    for margin in (-0.5, 0.7):
        p = stats.t.sf(0.5 - margin, 4)
        found = [
            p_beyond(np.zeros(5), 0.5 + gap, where(1, 5), margin, "difference", side)
            for side in ("above", "below")
        ]
        assert found == pytest.approx([p, 1 - p])


def test_values_are_paired_by_case_and_seed_in_whatever_order_they_come():
    a, b = noisy(24)
    spot, order = where(2, 6, 2), np.random.default_rng(9).permutation(24)
    mixed = Clusters(*(column[order] for column in spot))
    for over in ("seed", "case", "block", "series"):
        there, here = ratio(a, b, spot, over=over), ratio(a[order], b[order], mixed, over=over)
        assert (there.low, there.high) == pytest.approx((here.low, here.high))


def test_a_series_is_averaged_in_the_order_of_its_blocks():
    """The two cases of a block stand beside each other: batches of blocks 0, 1 and of 2, 3."""
    gap = np.array([0.0, 1.0, 10.0, 11.0, 2.0, 3.0, 14.0, 15.0])  # two cases of four blocks
    effect = difference(np.zeros(8), gap, where(1, 2, 4), over="series")
    halves = [(0 + 1 + 2 + 3) / 4, (10 + 11 + 14 + 15) / 4]
    assert (effect.clusters, effect.estimate) == (2, sum(halves) / 2)
    assert effect.high - effect.low == pytest.approx(12.7062 * (halves[1] - halves[0]), rel=1e-4)


def test_a_series_is_cut_in_two_three_or_one_batch_per_twenty():
    assert [batches(n) for n in (2, 19, 20, 59, 60, 79, 80)] == [2, 2, 3, 3, 3, 3, 4]


def test_values_that_have_no_ratio_are_refused():
    for a, b in ((np.array([0.0, 1.0]), np.ones(2)), (np.ones(2), np.array([1.0, -1.0]))):
        with pytest.raises(ValueError, match="positive"):
            ratio(a, b, where(1, 2))
    for a, b in ((np.ones(2), np.ones(3)), (np.zeros(0), np.zeros(0))):
        with pytest.raises(ValueError, match="as many values"):
            difference(a, b, where(1, len(a)))
    with pytest.raises(ValueError, match="as many values"):
        difference(np.ones(2), np.ones(3), where(1, 2))

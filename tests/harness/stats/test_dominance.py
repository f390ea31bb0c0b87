import numpy as np
import pytest

from adabench.harness.stats.dominance import dominance, on_front
from adabench.harness.stats.paired import Clusters


def cases(n):
    return Clusters(np.zeros(n, int), np.arange(n), np.zeros(n, int))


def world(n, cheaper, better, seed=0):
    draw = np.random.default_rng(seed)
    hard = draw.normal(size=n)
    costs = np.exp(0.3 * hard), np.exp(0.3 * hard) + cheaper + 0.1 * draw.normal(size=n)
    theirs = -hard + 0.2 * draw.normal(size=n)
    return costs, (theirs + better, theirs + 0.2 * draw.normal(size=n))


def test_cheaper_and_better_dominates():
    found = dominance(*world(50, 0.5, 0.5), cases(50))
    assert found.probability > 0.999
    assert found.p < 1e-6
    assert found.cost < 0 < found.quality


@pytest.mark.parametrize(("cheaper", "better"), [(-0.5, 0.5), (0.5, -0.5), (-0.5, -0.5)])
def test_worse_on_one_axis_is_no_dominance(cheaper, better):
    found = dominance(*world(50, cheaper, better), cases(50))
    assert found.probability < 0.001
    assert found.p > 0.99


def test_lower_may_be_better():
    cost, quality = world(50, 0.5, 0.5)
    lower = dominance(cost, (-quality[0], -quality[1]), cases(50), higher_is_better=False)
    assert lower.probability == dominance(cost, quality, cases(50)).probability


def test_equal_qualities_leave_the_decision_to_cost_but_ten_ties_of_yes_and_no_do_not():
    cost, (score, _) = world(10, 0.5, 0.0)
    assert dominance(cost, (score, score), cases(10)).probability > 0.99
    ties = dominance(cost, (np.ones(10), np.ones(10)), cases(10))
    assert ties.probability < 0.9
    assert ties.p > 0.05


def test_two_equal_methods_do_not_dominate_each_other():
    one, score = np.arange(1.0, 9.0), np.linspace(0.1, 0.8, 8)
    found = dominance((one, one), (score, score), cases(8))
    assert (found.probability, found.p) == (0.0, 1.0)


def test_one_case_says_nothing():
    found = dominance((np.ones(1), 2 * np.ones(1)), (np.ones(1), np.ones(1)), cases(1))
    assert np.isnan(found.probability)
    assert found.p == 1.0


def test_front_membership_is_sure_for_clear_dots_and_open_for_tied_ones():
    draw = np.random.default_rng(4)
    cost = np.array([1.0, 2.0, 2.0, 3.0]) + 0.01 * draw.normal(size=(60, 4))
    quality = np.array([0.3, 0.6, 0.2, 0.6]) + 0.1 * draw.normal(size=(60, 4))
    first, second, third, fourth = on_front(cost, quality)
    assert min(first, second) > 0.99
    assert third < 0.01
    assert 0.02 < fourth < 0.98


def test_many_cases_cost_no_memory_and_agree_with_few():
    cost, quality = world(30_000, 0.001, 0.001)
    found = dominance(cost, quality, cases(30_000))
    assert found.units == 30_000
    assert 0.0 <= found.probability <= 1.0

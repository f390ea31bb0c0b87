import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from adabench.harness.stats.multiple_testing import holm, non_inferior, tost
from adabench.harness.stats.paired import Clusters

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def cases(n):
    return Clusters(np.zeros(n, int), np.arange(n), np.zeros(n, int))


def test_holm_on_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(P_VALUES)
def test_holm_lies_between_single_tests_and_bonferroni_and_keeps_the_order(p):
    adjusted = holm(p)
    assert np.all(adjusted >= np.array(p))
    assert np.all(adjusted <= np.minimum(np.array(p) * len(p), 1) + 1e-15)
    assert np.all(np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0)
    assert np.all(adjusted >= false_discovery_control(p) - 1e-12)


@given(P_VALUES, st.randoms())
def test_holm_does_not_depend_on_the_order(p, random):
    order = list(range(len(p)))
    random.shuffle(order)
    assert holm([p[i] for i in order]).tolist() == [holm(p)[i] for i in order]


def test_unknown_p_values_stay_unknown_and_cost_nothing():
    adjusted = holm([0.01, float("nan"), 0.04])
    assert adjusted[[0, 2]].tolist() == pytest.approx([0.02, 0.04])
    assert np.isnan(adjusted[1])
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([1.5])


def test_family_of_true_hypotheses_is_rejected_at_its_level():
    """5 % of 4,000 families of 100: standard deviation of the share 0.34 %."""
    p = np.random.default_rng(0).random((4_000, 100))
    assert np.mean([holm(row).min() <= 0.05 for row in p]) == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize(("factor", "same"), [(1.0, True), (1.005, True), (1.03, False),
                                              (0.97, False), (1.2, False)])  # fmt: skip
def test_tost_finds_sameness_only_inside_the_margins(factor, same):
    draw = np.random.default_rng(0)
    a = np.exp(draw.normal(size=100))
    b = factor * a * np.exp(0.02 * draw.normal(size=100))
    p = tost(a, b, cases(100), 0.97, 1.03, "ratio")
    assert p < 1e-3 if same else p > 0.02


def test_tost_on_the_edge_errs_at_its_level():
    draw, found = np.random.default_rng(1), []
    for _ in range(800):
        b = 1.03 * np.exp(0.02 * draw.normal(size=20))
        found.append(tost(np.ones(20), b, cases(20), 0.97, 1.03, "ratio") <= 0.05)
    assert 0.02 <= np.mean(found) <= 0.07


def test_not_inferior_means_not_worse_than_the_margin_on_either_scale():
    draw = np.random.default_rng(2)
    slower = 1.01 * np.exp(0.01 * draw.normal(size=50))
    held = non_inferior(np.ones(50), slower, cases(50), 1.03, "ratio", higher_is_better=False)
    lost = non_inferior(np.ones(50), slower, cases(50), 1.005, "ratio", higher_is_better=False)
    assert held < 1e-6
    assert lost > 0.5
    score = draw.normal(size=50)
    better = score + 0.02 + 0.001 * draw.normal(size=50)
    p = non_inferior(score, better, cases(50), -0.01, "difference", higher_is_better=True)
    assert p < 1e-6

"""The law's saturation point, and priors that only other samples can judge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.workloads.test_time.substrate.agreement_prior import PilotShare, fit_prior
from adabench.workloads.test_time.substrate.saturation_law import (
    Prior,
    gain,
    saturation_point,
    success,
)


@given(
    p=st.floats(0.001, 1.0),
    epsilon=st.floats(1e-6, 0.5),
    ceiling=st.floats(0.01, 1.0),
)
def test_the_saturation_point_is_the_first_n_whose_next_sample_gains_no_more_than_epsilon(
    p: float, epsilon: float, ceiling: float
) -> None:
    point = saturation_point(p, epsilon, ceiling)
    assert gain(p, point, ceiling) <= epsilon * (1 + 1e-9)
    assert point == 0 or gain(p, point - 1, ceiling) > epsilon


@pytest.mark.parametrize(("p", "point"), [(0.0, 0), (0.005, 0), (0.01, 0), (0.5, 6), (1.0, 1)])
def test_hopeless_questions_are_worth_no_sample_and_certain_ones_one(p: float, point: int) -> None:
    assert saturation_point(p, 0.01) == point


@pytest.mark.parametrize(("p", "epsilon", "ceiling"), [(1.1, 0.1, 1), (0.5, 0, 1), (0.5, 0.1, 2)])
def test_what_is_no_share_is_refused(p: float, epsilon: float, ceiling: float) -> None:
    with pytest.raises(ValueError, match="No saturation point"):
        saturation_point(p, epsilon, ceiling)


@given(p=st.floats(0.0, 1.0), n=st.integers(0, 80), ceiling=st.floats(0.0, 1.0))
def test_a_gain_is_the_difference_of_two_successes(p: float, n: int, ceiling: float) -> None:
    difference = success(p, n + 1, ceiling) - success(p, n, ceiling)
    assert gain(p, n, ceiling) == pytest.approx(difference, abs=1e-12)


def test_one_epsilon_for_all_questions_gives_each_next_sample_to_whom_it_gains_most() -> None:
    rates, epsilon = (0.05, 0.2, 0.5, 0.9), 0.02
    counts = [saturation_point(p, epsilon) for p in rates]
    filled = [0] * len(rates)
    while max(gain(p, n) for p, n in zip(rates, filled, strict=True)) > epsilon:
        gains = [gain(p, n) for p, n in zip(rates, filled, strict=True)]
        filled[int(np.argmax(gains))] += 1
    assert filled == counts


def test_the_prior_is_the_one_whose_means_other_samples_bear_out() -> None:
    believed = Prior(0.5, 1.5)
    shares = [PilotShare(m, 4, believed.mean(m, 4)) for m in range(5)]
    assert fit_prior(shares) == believed


def test_other_samples_are_not_the_pilots() -> None:
    share = PilotShare.of([True, True, False, False], [True, False])
    assert share == PilotShare(2, 4, 0.5)

"""Predictions: data with a realised error, not a noise level that was asked for."""

import numpy as np
import pytest

from adabench.workloads.algorithms.connectivity.substrate.update_streams import (
    FAMILIES,
    PERIOD,
    generate,
)
from adabench.workloads.algorithms.connectivity.truth.hindsight import advise, earliness, hindsight


@pytest.fixture(scope="module")
def seen():
    return {name: hindsight(generate(name, 300, 20, 0)) for name in FAMILIES}


@pytest.mark.parametrize("noise", [0.0, 1.0, 30.0, 1e5, 1e300])
def test_the_error_is_the_realised_one(noise: float, seen) -> None:
    for family, one in seen.items():
        advice = advise(one, noise)
        told = advice.hints["given"][one.starts]
        assert advice.l1["given"] == np.abs(told.astype(float) - one.ends).sum()
        assert (told > one.starts).all()
        assert (told <= one.stream.horizon).all()
        if noise == 0:
            assert advice.l1["given"] == 0, family
        assert (advice.hints["given"][one.stream.opens == 0] == -1).all()


def test_noise_is_laplace_of_the_scale_until_it_is_clipped(seen) -> None:
    one = seen["random"]
    dies = one.ends < one.stream.horizon
    for noise in (5.0, 20.0):
        told = advise(one, noise).hints["given"][one.starts]
        assert np.abs(told - one.ends)[dies].mean() == pytest.approx(noise, rel=0.1)
    # Ends cannot lie before insertions or behind the stream: that takes most of this away.
    assert advise(one, 1e5).l1["given"] / one.stream.horizon < one.stream.horizon / 2


def test_edges_that_stay_are_predicted_as_such(seen) -> None:
    one = seen["random"]
    stays = one.ends == one.stream.horizon
    assert stays.any()
    told = advise(one, 100.0).hints["given"][one.starts]
    assert (told[stays] == one.stream.horizon).all()


def test_the_adversary_spends_no_more_than_it_has(seen) -> None:
    one = seen["dyadic"]
    for noise in (1.0, 10.0, 64.0):
        told = advise(one, noise).hints["given"][one.starts].astype(int)
        moved = told != one.ends
        assert (np.abs(told - one.ends) <= noise).all()
        assert (told[moved] % PERIOD == 0).all()
        assert moved.any()


def test_shuffled_lifetimes_are_the_same_ones(seen) -> None:
    one = seen["heavy"]
    advice = advise(one, 3.0)
    given = advice.hints["given"][one.starts] - one.starts
    shuffled = advice.hints["shuffled"][one.starts] - one.starts
    inside = shuffled < one.stream.horizon - one.starts
    assert inside.mean() > 0.5
    assert set(shuffled[inside].tolist()) <= set(given.tolist())
    assert abs(np.corrcoef(given, shuffled)[0, 1]) < 0.5


def test_predictions_do_not_depend_on_each_other_s_scale(seen) -> None:
    one = seen["random"]
    small, large = (advise(one, noise).hints["given"][one.starts] for noise in (10.0, 20.0))
    wrong = (small != one.ends) & (large < one.stream.horizon) & (large > one.starts + 1)
    same_side = np.sign(small - one.ends)[wrong] == np.sign(large - one.ends)[wrong]
    assert same_side.all()


@pytest.mark.parametrize(
    ("told", "end", "early"), [(5, 5, 0), (9, 5, 4), (5, 6, 0), (5, 7, 1), (5, 8, 0), (5, 10, 2)]
)
def test_earliness_by_hand(told: int, end: int, early: int) -> None:
    # Late ones are believed in for 1, 2, 4, ... updates more: until 6, 8, 12, ...
    one = hindsight(generate("fifo", 100, 20, 0))
    ends = one.ends.copy()
    ends[:] = one.stream.horizon
    ends[0] = end
    changed = type(one)(one.stream, ends, one.starts, one.answers)
    believed = ends.copy()
    believed[0] = told
    assert earliness(changed, believed) == early

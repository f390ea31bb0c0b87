import numpy as np
import pytest

from adabench.harness.stats.front_bands import (
    front_band,
    units_of,
)
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

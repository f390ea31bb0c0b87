"""The band of a task's common front: around the means, without oracles, wider with fewer cases."""

from dataclasses import replace
from itertools import pairwise

from adabench.harness.analysis.frontier_band import front_bands
from adabench.harness.analysis.operating_points import collapse
from tests.harness.analysis.toy_plot import CARDS, LOSS, ORACLE, STATIC, TASK, WORK, dots


def band(records, task=TASK):
    return front_bands(collapse(records), {"toy": task}, CARDS)


MIXTURE = dots("uniform", STATIC, own=0.1)


def at(steps, cost):
    return next((y for x, y in reversed(steps) if x <= cost), None)


def test_the_band_holds_the_front_of_the_means_and_rises():
    (found,) = band(MIXTURE)
    assert (found.cost, found.quality, found.level, found.units) == ("work", "accuracy", 0.95, 6)
    for cost, quality in STATIC.items():
        assert at(found.worst, cost * 1.001) <= quality <= at(found.best, cost)
    for steps in (found.worst, found.best):
        assert all(a < b and y < z for (a, y), (b, z) in pairwise(steps))


def test_more_noise_widens_it_and_oracles_do_not_compete():
    (narrow,), (wide,) = band(MIXTURE), band(dots("uniform", STATIC, own=0.3))
    assert at(wide.best, 4) - at(wide.worst, 5) > at(narrow.best, 4) - at(narrow.worst, 5)
    assert band(MIXTURE + ORACLE) == band(MIXTURE)


def test_a_quality_that_falls_is_turned_round():
    task = replace(TASK, metrics=(WORK, LOSS))
    turned = dots("uniform", {d: 1 - a for d, a in STATIC.items()}, own=0.1)
    (found,) = band(turned, task)
    assert at(found.best, 4) < 1 - STATIC[4] < at(found.worst, 5)
    assert found.worst[0][1] > found.worst[-1][1]


def test_too_few_cases_have_none():
    few = [r for r in MIXTURE if r.cell.seed == 0]
    assert len(few) == 3 * 4
    assert band(few) == ()

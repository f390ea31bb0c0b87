"""Planned sizes: by simulated worlds, and by the formulas written anew."""

import math

import numpy as np
import pytest
from scipy import stats

from adabench.harness.analysis.claims.looks import CASES, Sample
from adabench.harness.analysis.claims.planned_size import Precision, size_plan

Z975, Z90 = stats.norm.ppf(0.975), stats.norm.ppf(0.9)


@pytest.mark.parametrize("distance", [0.02, 0.05, 0.1])
def test_a_planned_number_of_cases_has_the_power_it_promises(distance):
    spread, n = 0.5, 100
    plan = size_plan([Precision(Z975 * spread / math.sqrt(n), distance)], Sample(1, CASES, n))
    draw = np.random.default_rng(1)
    means = distance + spread / math.sqrt(plan.needed) * draw.normal(size=100_000)
    hit = (means - Z975 * spread / math.sqrt(plan.needed) > 0).mean()
    assert hit == pytest.approx(0.9, abs=0.01)
    assert plan.power == pytest.approx(stats.norm.cdf(distance / spread * 10 - Z975), abs=1e-6)


@pytest.mark.parametrize("noun", ["trainings", "seeds"])
def test_a_planned_number_of_blocks_counts_the_degrees_of_freedom(noun):
    error = 0.05
    half = stats.t.ppf(0.975, 2) * error / math.sqrt(3)
    plan = size_plan([Precision(half, 0.1)], Sample(3, noun))
    reach = [
        (stats.t.ppf(0.975, j - 1) + stats.t.ppf(0.9, j - 1)) * error / math.sqrt(j)
        for j in range(2, 50)
    ]
    assert plan.needed == 2 + next(k for k, one in enumerate(reach) if one <= 0.1)
    assert plan.needed > (Z975 + Z90) ** 2 * error**2 / 0.1**2


def test_the_hardest_of_several_things_counts():
    sample = Sample(1, CASES, 48)
    easy, hard = Precision(0.05, 0.1), Precision(0.1, 0.01)
    assert size_plan([easy, hard], sample) == size_plan([hard], sample)
    assert size_plan([easy], sample).needed < size_plan([hard], sample).needed


@pytest.mark.parametrize(
    ("precisions", "sample"),
    [
        ([], Sample(1, CASES, 48)),
        ([Precision(0.0, 0.1)], Sample(1, CASES, 48)),
        ([Precision(0.1, 0.0)], Sample(1, CASES, 48)),
        ([Precision(0.1, 0.1)], Sample(1, "", 19)),
        ([Precision(0.1, 0.1)], Sample(1, "trainings", 400)),
    ],
)
def test_what_does_not_vary_or_names_no_distance_has_no_plan(precisions, sample):
    assert size_plan(precisions, sample) is None


def test_more_than_anyone_could_run_is_no_plan():
    assert size_plan([Precision(0.5, 1e-5)], Sample(1, CASES, 48)).needed == 0
    assert size_plan([Precision(0.5, 1e-5)], Sample(3, "seeds")).needed == 0
